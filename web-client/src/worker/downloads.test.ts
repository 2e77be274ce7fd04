import { describe, expect, it } from 'vitest';
import { ClientMessageKind } from '../protocol/message-kind';
import { Downloads } from './downloads';
import type { FromWorker } from './messages';
import { fakeTransferChannel } from './fake-transfer-channel';
import type { TransferChannel } from './transfer-channel';

const CHUNK_BYTES = 60 * 1024;

/** A file of the user's, as Chromium hands it over. */
class Disk {
  bytes: number[] = [];
  state: 'new' | 'open' | 'closed' | 'removed' = 'new';
  full = false;
  /** Writing waits for this. */
  slow = Promise.resolve();

  handle(): FileSystemFileHandle {
    const writable = {
      write: async (bytes: Uint8Array): Promise<void> => {
        await this.slow;
        if (this.full) {
          throw new DOMException('no room', 'QuotaExceededError');
        }
        this.bytes.push(...bytes);
      },
      close: async (): Promise<void> => {
        await this.slow;
        this.state = 'closed';
      },
      abort: () => Promise.resolve(),
    };
    const handle = {
      createWritable: () => {
        this.state = 'open';
        return Promise.resolve(writable);
      },
      remove: () => {
        this.state = 'removed';
        return Promise.resolve();
      },
    };
    return handle as unknown as FileSystemFileHandle;
  }
}

function setUp() {
  const posted: FromWorker[] = [];
  const sent: string[] = [];
  const channel: TransferChannel = {
    ...fakeTransferChannel().channel,
    send: (message) => {
      const view = new DataView(message);
      const about = view.getUint32(1, true);
      const isAnswer = view.getUint8(0) === ClientMessageKind.FileAnswer;
      const value = isAnswer ? view.getUint8(5) : Number(view.getBigUint64(5, true));
      sent.push(`${isAnswer ? 'answer' : 'taken'} ${about} ${value}`);
    },
  };
  const downloads = new Downloads((message) => posted.push(message));
  downloads.attach(channel);
  const chunk = (offer: number, size: number, last = false): void =>
    downloads.onChunk({ offer, last, failed: false, bytes: new Uint8Array(size).fill(7) });
  const last = (): FromWorker | undefined => posted.at(-1);
  return { downloads, posted, sent, chunk, last };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve));
  }
}

describe('downloads', () => {
  it('are stored while they arrive, and reported as done once the file is complete', async () => {
    const { downloads, sent, chunk, last } = setUp();
    const disk = new Disk();
    downloads.onOffer({ offer: 9, name: 'a.bin', size: 4 * CHUNK_BYTES });
    expect(last()).toEqual({ type: 'fileOffer', id: 1, name: 'a.bin', size: 4 * CHUNK_BYTES });
    expect(sent).toEqual([]);
    downloads.accept(1, disk.handle());
    expect(sent).toEqual(['answer 9 1']);
    let go: () => void = () => undefined;
    disk.slow = new Promise((resolve) => (go = resolve));
    for (let n = 1; n <= 3; n += 1) {
      chunk(9, CHUNK_BYTES);
    }
    await settled();
    expect(sent).toHaveLength(1);
    go();
    await settled();
    expect(sent).toEqual(['answer 9 1', `taken 9 ${3 * CHUNK_BYTES}`]);
    chunk(9, CHUNK_BYTES);
    await settled();
    expect(sent).toHaveLength(2);
    chunk(9, 0, true);
    await settled();
    expect(sent.at(-1)).toBe(`taken 9 ${4 * CHUNK_BYTES}`);
    expect([disk.state, disk.bytes.length]).toEqual(['closed', 4 * CHUNK_BYTES]);
    expect(last()).toMatchObject({ id: 1, state: 'done', received: 4 * CHUNK_BYTES, blob: null });
  });

  it('become a blob in browsers without a save dialog', async () => {
    const { downloads, sent, chunk, last } = setUp();
    downloads.onOffer({ offer: 3, name: 'a', size: CHUNK_BYTES + 5 });
    downloads.accept(1, null);
    chunk(3, CHUNK_BYTES);
    chunk(3, 5, true);
    await settled();
    const done = last();
    expect(done).toMatchObject({ state: 'done' });
    expect(done?.type === 'download' && done.blob?.size).toBe(CHUNK_BYTES + 5);
    expect(sent.at(-1)).toBe(`taken 3 ${CHUNK_BYTES + 5}`);
    downloads.onOffer({ offer: 4, name: 'empty', size: 0 });
    downloads.accept(2, null);
    chunk(4, 0, true);
    await settled();
    expect(sent.at(-1)).toBe('taken 4 0');
  });

  it('remove the file when they are declined, cancelled or interrupted', async () => {
    const { downloads, sent, chunk, posted, last } = setUp();
    downloads.onOffer({ offer: 1, name: 'a', size: 5 });
    downloads.decline(1);
    expect(sent).toEqual(['answer 1 0']);
    const [stopped, lost] = [new Disk(), new Disk()];
    downloads.onOffer({ offer: 2, name: 'b', size: 2 * CHUNK_BYTES });
    downloads.accept(2, stopped.handle());
    chunk(2, CHUNK_BYTES);
    await settled();
    downloads.decline(2);
    await settled();
    expect([sent.at(-1), stopped.state]).toEqual(['answer 2 0', 'removed']);
    chunk(2, CHUNK_BYTES, true);
    downloads.onOffer({ offer: 3, name: 'c', size: 2 * CHUNK_BYTES });
    downloads.accept(3, lost.handle());
    downloads.onOffer({ offer: 4, name: 'd', size: 1 });
    const before = sent.length;
    downloads.detach();
    await settled();
    expect(posted.slice(-2)).toMatchObject([
      { id: 3, state: 'failed', text: 'The connection was lost.' },
      { id: 4, state: 'withdrawn' },
    ]);
    expect([lost.state, sent.length]).toEqual(['removed', before]);
    const late = new Disk();
    downloads.accept(4, late.handle());
    await settled();
    expect([late.state, last()]).toMatchObject(['removed', { id: 4, state: 'withdrawn' }]);
  });

  it('fail when they cannot be stored or differ from the offer', async () => {
    const { downloads, sent, chunk, last } = setUp();
    const disk = new Disk();
    disk.full = true;
    downloads.onOffer({ offer: 1, name: 'a', size: 2 * CHUNK_BYTES });
    downloads.accept(1, disk.handle());
    chunk(1, CHUNK_BYTES);
    chunk(1, CHUNK_BYTES, true);
    await settled();
    expect(sent.filter((message) => message === 'answer 1 0')).toHaveLength(1);
    expect([disk.state, last()]).toMatchObject(['removed', { state: 'failed' }]);
    for (const [offer, size] of [[2, CHUNK_BYTES + 1], [3, CHUNK_BYTES - 1]] as const) {
      downloads.onOffer({ offer, name: 'b', size: CHUNK_BYTES });
      downloads.accept(offer, null);
      chunk(offer, size, true);
      await settled();
      expect(sent.at(-1)).toBe(`answer ${offer} 0`);
    }
    downloads.onOffer({ offer: 4, name: 'c', size: CHUNK_BYTES });
    downloads.accept(4, null);
    downloads.onChunk({ offer: 4, last: true, failed: true, bytes: new Uint8Array() });
    expect(last()).toMatchObject({ id: 4, state: 'failed', text: 'The desktop stopped sending it.' });
  });
});
