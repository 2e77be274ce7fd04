import * as client from '../protocol/client-messages';
import type { FileStatus } from '../protocol/server-messages';
import type { FromWorker } from './messages';
import type { TransferChannel } from './transfer-channel';

/** Bytes that may be on the way and not yet told as received. */
const CREDIT_BYTES = 256 * 1024;
/** Files on their way at a time; the server lets a desktop have a few more, for other windows. */
const MAX_CONCURRENT = 3;
/** Read from the disk at once. */
const READ_BYTES = 16 * client.MAX_CHUNK;

interface Upload {
  readonly id: number;
  readonly file: File;
  received: number;
  finished: boolean;
  /** Called when there is credit again, or nothing more is wanted. */
  resume: () => void;
}

/** The user's files on their way into the guest: a few at a time, each within its credit. */
export class Uploads {
  readonly #post: (message: FromWorker) => void;
  #channel: TransferChannel | null = null;
  #queued: Upload[] = [];
  readonly #active = new Map<number, Upload>();

  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  attach(channel: TransferChannel): void {
    this.#channel = channel;
  }

  /** The connection is gone, and with it what was on the way. */
  detach(): void {
    this.#channel = null;
    const lost = [...this.#active.values(), ...this.#queued];
    this.#queued = [];
    for (const upload of lost) {
      this.#fail(upload, 'The connection was lost.');
    }
  }

  /** Sends a file; `id` is the user's number of it, counting up. */
  send(id: number, file: File): void {
    this.#queued.push({ id, file, received: 0, finished: false, resume: () => undefined });
    this.#startNext();
  }

  cancel(id: number): void {
    this.#queued = this.#queued.filter((upload) => upload.id !== id);
    const upload = this.#active.get(id);
    if (upload !== undefined) {
      this.#channel?.send(client.fileCancel(id));
      this.#end(upload);
    }
  }

  /** What the server tells of a file. */
  onStatus({ transfer, state, received, text }: FileStatus): void {
    const upload = this.#active.get(transfer);
    if (upload === undefined) {
      return;
    }
    upload.received = received;
    if (state === 'failed') {
      this.#fail(upload, text);
    } else if (state === 'done') {
      this.#post({ type: 'upload', id: transfer, state: 'done', received, text: '' });
      this.#end(upload);
    } else {
      this.#post({ type: 'upload', id: transfer, state: 'sending', received, text: '' });
      upload.resume();
    }
  }

  #startNext(): void {
    const channel = this.#channel;
    while (this.#active.size < MAX_CONCURRENT) {
      const upload = this.#queued.shift();
      if (upload === undefined) {
        return;
      }
      if (channel === null) {
        this.#fail(upload, 'There is no connection to the desktop.');
        continue;
      }
      this.#active.set(upload.id, upload);
      void this.#transfer(upload, channel).catch(() => {
        channel.send(client.fileCancel(upload.id));
        this.#fail(upload, 'The file could not be read here; it was moved or changed meanwhile.');
      });
    }
  }

  async #transfer(upload: Upload, channel: TransferChannel): Promise<void> {
    const { id, file } = upload;
    channel.send(client.fileStart(id, file.size, file.name));
    for (let at = 0; at < file.size && !upload.finished; at += READ_BYTES) {
      const block = new Uint8Array(await file.slice(at, at + READ_BYTES).arrayBuffer());
      for (let from = 0; from < block.length; ) {
        if (!(await channel.readyForChunk())) {
          return;
        }
        const chunk = block.subarray(from, from + channel.chunkSize());
        from += chunk.length;
        if (!(await hasCredit(upload, at + from))) {
          return;
        }
        channel.sendChunk(client.fileData(id, chunk));
      }
    }
  }

  #fail(upload: Upload, text: string): void {
    if (!upload.finished) {
      this.#post({ type: 'upload', id: upload.id, state: 'failed', received: upload.received, text });
      this.#end(upload);
    }
  }

  #end(upload: Upload): void {
    upload.finished = true;
    this.#active.delete(upload.id);
    upload.resume();
    this.#startNext();
  }
}

/** Resolves when the file may be sent up to `to`; false: nothing more of it is wanted. */
async function hasCredit(upload: Upload, to: number): Promise<boolean> {
  while (!upload.finished && to > upload.received + CREDIT_BYTES) {
    await new Promise<void>((resolve) => {
      upload.resume = resolve;
    });
  }
  return !upload.finished;
}
