import * as client from '../protocol/client-messages';
import type { FileOffer, FileChunk } from '../protocol/server-messages';
import { type Sink, sinkInto } from './download-sink';
import type { FromWorker } from './messages';
import type { TransferChannel } from './transfer-channel';

/** Bytes between two FileTaken messages: half of the transfer's credit, so that the guest can keep sending. */
const REPORT_INTERVAL_BYTES = 128 * 1024;

/** State of one download. */
interface Download {
  /** Number of the download between page and worker. */
  readonly id: number;
  /** Offer of the guest, with the wire's number. */
  readonly offer: FileOffer;
  /** Destination; `null` until the user has accepted. */
  sink: Sink | null;
  /** Bytes received. */
  arrived: number;
  /** Bytes written to the sink. */
  stored: number;
  /** Bytes acknowledged to the guest. */
  reported: number;
  /** Chain of pending writes, which run in order. */
  storing: Promise<void>;
}

/** Transfers of files from the guest to the user. Each file is stored while it arrives, and acknowledged as stored. */
export class Downloads {
  readonly #post: (message: FromWorker) => void;
  #channel: TransferChannel | null = null;
  #lastId = 0;
  /** Downloads by the wire's offer number. */
  readonly #downloads = new Map<number, Download>();

  /** Creates an empty list; `post` sends messages to the page. */
  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  /** Uses a new connection. */
  attach(channel: TransferChannel): void {
    this.#channel = channel;
  }

  /** Stops using the connection; all downloads fail, since a transfer cannot outlive its connection. */
  detach(): void {
    this.#channel = null;
    for (const download of [...this.#downloads.values()]) {
      this.#fail(download, 'The connection was lost.');
    }
  }

  /** Handles a FileOffer: assigns a number and posts the offer to the page. */
  onOffer(offer: FileOffer): void {
    this.#lastId += 1;
    const id = this.#lastId;
    const download: Download = { id, offer, sink: null, arrived: 0, stored: 0, reported: 0, storing: Promise.resolve() };
    this.#downloads.set(offer.offer, download);
    this.#post({ type: 'fileOffer', id, name: offer.name, size: offer.size });
  }

  /**
   * Accepts an offer. The file is written to `handle`; with `null`, it is collected as a blob for the browser to
   * save.
   */
  accept(id: number, handle: FileSystemFileHandle | null): void {
    const download = this.#find(id);
    if (download?.sink !== null) {
      // The offer was withdrawn while the user chose a file, which the browser has created empty.
      void sinkInto(handle).abort();
      return;
    }
    download.sink = sinkInto(handle);
    this.#send(client.fileAnswer(download.offer.offer, true));
    this.#report(download, 'receiving');
  }

  /** Declines an offer, or cancels a running download. */
  decline(id: number): void {
    const download = this.#find(id);
    if (download !== undefined) {
      this.#send(client.fileAnswer(download.offer.offer, false));
      this.#end(download);
      void download.sink?.abort();
    }
  }

  /** Handles a FileContent chunk. */
  onChunk({ offer, last, failed, bytes }: FileChunk): void {
    const download = this.#downloads.get(offer);
    if (download === undefined) {
      return;
    }
    const { sink } = download;
    download.arrived += bytes.length;
    if (failed || sink === null) {
      this.#fail(download, 'The desktop stopped sending it.');
    } else if (download.arrived > download.offer.size || (last && download.arrived < download.offer.size)) {
      this.#abort(download, 'The desktop sent something else than it had said.');
    } else {
      download.storing = download.storing
        .then(() => this.#store(download, sink, bytes, last))
        .catch(() => this.#abort(download, 'It could not be saved here; the disk may be full.'));
    }
  }

  /** Writes a chunk, and acknowledges the stored bytes at intervals and at the end. */
  async #store(download: Download, sink: Sink, bytes: Uint8Array<ArrayBuffer>, last: boolean): Promise<void> {
    if (!this.#isActive(download)) {
      return;
    }
    await sink.write(bytes);
    download.stored += bytes.length;
    if (last) {
      const blob = await sink.finish();
      if (this.#isActive(download)) {
        this.#send(client.fileTaken(download.offer.offer, download.stored));
        this.#report(download, 'done', '', blob);
        this.#end(download);
      }
    } else if (this.#isActive(download) && download.stored - download.reported >= REPORT_INTERVAL_BYTES && download.stored < download.offer.size) {
      download.reported = download.stored;
      this.#send(client.fileTaken(download.offer.offer, download.stored));
      this.#report(download, 'receiving');
    }
  }

  /** Declines a download towards the guest and reports its failure. */
  #abort(download: Download, text: string): void {
    if (this.#isActive(download)) {
      this.#send(client.fileAnswer(download.offer.offer, false));
      this.#fail(download, text);
    }
  }

  /** Ends a download and reports why. */
  #fail(download: Download, text: string): void {
    this.#end(download);
    // An offer that was not accepted disappears without an error.
    this.#report(download, download.sink === null ? 'withdrawn' : 'failed', text);
    void download.sink?.abort();
  }

  #report(download: Download, state: 'receiving' | 'done' | 'failed' | 'withdrawn', text = '', blob: Blob | null = null): void {
    this.#post({ type: 'download', id: download.id, state, received: download.stored, text, blob });
  }

  #end(download: Download): void {
    this.#downloads.delete(download.offer.offer);
  }

  /** Whether the download has not ended during an asynchronous step. */
  #isActive(download: Download): boolean {
    return this.#downloads.get(download.offer.offer) === download;
  }

  #find(id: number): Download | undefined {
    return [...this.#downloads.values()].find((download) => download.id === id);
  }

  #send(message: ArrayBuffer): void {
    this.#channel?.send(message);
  }
}
