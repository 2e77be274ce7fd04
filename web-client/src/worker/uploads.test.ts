import { describe, expect, it } from 'vitest';
import { ClientMessageKind } from '../protocol/message-kind';
import { fakeTransferChannel } from './fake-transfer-channel';
import { Uploads } from './uploads';

const { FileStart: START, FileData: DATA, FileCancel: CANCEL } = ClientMessageKind;
const CREDIT = 256 * 1024;

function setUp() {
  const { channel, sent, posted, post } = fakeTransferChannel();
  const uploads = new Uploads(post);
  const of = (type: number): Uint8Array[] => sent.filter((message) => message[0] === type);
  const bytesSent = (): number => of(DATA).reduce((sum, message) => sum + message.length - 5, 0);
  const status = (transfer: number, state: 'accepted' | 'progress' | 'done' | 'failed', received: number, text = ''): void =>
    uploads.onStatus({ transfer, state, received, text });
  return { uploads, channel, posted, of, bytesSent, status };
}

function file(size: number, name = 'a.bin'): File {
  return new File([new Uint8Array(size)], name);
}

/** Waits until it holds; what is read from files comes by other tasks. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise((resolve) => setTimeout(resolve));
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve));
  }
}

describe('uploads', () => {
  it('are sent within the credit, which acknowledgements extend', async () => {
    const { uploads, channel, posted, of, bytesSent, status } = setUp();
    uploads.attach(channel);
    uploads.send(1, file(CREDIT * 2));
    await until(() => bytesSent() > CREDIT - 60 * 1024);
    await settled();
    expect(bytesSent()).toBeLessThanOrEqual(CREDIT);
    expect(new TextDecoder().decode(of(START)[0]?.subarray(13))).toBe('a.bin');
    status(1, 'progress', CREDIT);
    await until(() => bytesSent() === CREDIT * 2);
    status(1, 'done', CREDIT * 2);
    expect(posted.at(-1)).toMatchObject({ id: 1, state: 'done' });
  });

  it('run a few at a time', async () => {
    const { uploads, channel, of, status } = setUp();
    uploads.attach(channel);
    for (let id = 1; id <= 5; id += 1) {
      uploads.send(id, file(0));
    }
    await settled();
    expect(of(START)).toHaveLength(3);
    status(2, 'done', 0);
    expect(of(START)).toHaveLength(4);
  });

  it('stop when they are cancelled or refused', async () => {
    const { uploads, channel, posted, of, bytesSent, status } = setUp();
    uploads.attach(channel);
    uploads.send(1, file(CREDIT * 2));
    uploads.send(2, file(CREDIT * 2));
    await until(() => bytesSent() > CREDIT);
    await settled();
    uploads.cancel(1);
    status(2, 'failed', 0, 'No room.');
    const before = bytesSent();
    await settled();
    expect(bytesSent()).toBe(before);
    expect(of(CANCEL)).toHaveLength(1);
    expect(posted).toEqual([expect.objectContaining({ id: 2, state: 'failed', text: 'No room.' })]);
  });

  it('fail with the connection, queued ones as well', () => {
    const { uploads, channel, posted } = setUp();
    uploads.attach(channel);
    for (let id = 1; id <= 4; id += 1) {
      uploads.send(id, file(10));
    }
    uploads.detach();
    expect(posted.map((message) => message.type === 'upload' && [message.id, message.state])).toEqual(
      [1, 2, 3, 4].map((id) => [id, 'failed']),
    );
  });

  it('fail when they cannot be read', async () => {
    const { uploads, channel, posted, of } = setUp();
    uploads.attach(channel);
    const gone = file(10);
    gone.slice = () => ({ arrayBuffer: () => Promise.reject(new Error('gone')) }) as unknown as Blob;
    uploads.send(1, gone);
    await until(() => posted.length > 0);
    expect(posted[0]).toMatchObject({ state: 'failed' });
    expect(of(CANCEL)).toHaveLength(1);
  });
});
