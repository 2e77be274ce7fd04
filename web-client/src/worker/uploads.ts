import * as client from '../protocol/client-messages';
import type { FileStatus } from '../protocol/server-messages';
import type { FromWorker } from './messages';
import type { TransferChannel } from './transfer-channel';

/** Credit of a transfer: bytes sent and not yet acknowledged by the guest. */
const CREDIT_BYTES = 256 * 1024;
/** Number of concurrent transfers; the server's limit for a desktop is higher, for its other windows. */
const MAX_CONCURRENT = 3;
/** Bytes read from a file at once. */
const READ_BYTES = 16 * client.MAX_CHUNK;

/** State of one upload. */
interface Upload {
  /** Transfer number of the page and the wire. */
  readonly id: number;
  readonly file: File;
  /** Bytes acknowledged by the guest. */
  received: number;
  /** Whether the transfer has ended, in any way. */
  finished: boolean;
  /** void; => Called when the credit has grown or the transfer has ended. */
  resume: () => void;
}

/** Transfers of the user's files to the guest: a few at a time, each within its credit, the others queued. */
export class Uploads {
  readonly #post: (message: FromWorker) => void;
  #channel: TransferChannel | null = null;
  #queued: Upload[] = [];
  readonly #active = new Map<number, Upload>();

  /** Creates an empty queue; `post` sends messages to the page. */
  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  /** Uses a new connection. */
  attach(channel: TransferChannel): void {
    this.#channel = channel;
  }

  /** Stops using the connection; all uploads fail, since a transfer cannot outlive its connection. */
  detach(): void {
    this.#channel = null;
    const lost = [...this.#active.values(), ...this.#queued];
    this.#queued = [];
    for (const upload of lost) {
      this.#fail(upload, 'The connection was lost.');
    }
  }

  /** Queues a file; `id` is the transfer number, which increases. */
  send(id: number, file: File): void {
    this.#queued.push({ id, file, received: 0, finished: false, resume: () => undefined });
    this.#startNext();
  }

  /** Cancels an upload, queued or running. */
  cancel(id: number): void {
    this.#queued = this.#queued.filter((upload) => upload.id !== id);
    const upload = this.#active.get(id);
    if (upload !== undefined) {
      this.#channel?.send(client.fileCancel(id));
      this.#end(upload);
    }
  }

  /** Handles a FileStatus of the server. */
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

  /** Starts queued uploads up to the limit. */
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

  /** Sends a file in chunks; returns early when the transfer or the connection ends. */
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

/** Resolves with `true` once the credit covers the first `to` bytes, with `false` if the transfer has ended. */
async function hasCredit(upload: Upload, to: number): Promise<boolean> {
  while (!upload.finished && to > upload.received + CREDIT_BYTES) {
    await new Promise<void>((resolve) => {
      upload.resume = resolve;
    });
  }
  return !upload.finished;
}
