import * as client from '../protocol/client-messages';
import type { FileOffer, FileChunk } from '../protocol/server-messages';
import { type Sink, sinkInto } from './download-sink';
import type { FromWorker } from './messages';
import type { TransferChannel } from './transfer-channel';

/** Told after so many bytes: half of what may be on the way, so that the guest never runs dry. */
const REPORT_INTERVAL_BYTES = 128 * 1024;

interface Download {
  /** The page's number of it. */
  readonly id: number;
  readonly offer: FileOffer;
  /** `null` while nobody has said where it goes. */
  sink: Sink | null;
  arrived: number;
  stored: number;
  reported: number;
  /** What is done with its chunks, one after the other. */
  storing: Promise<void>;
}

/** Files that the guest sends to the user, each stored as it comes and told as stored. */
export class Downloads {
  readonly #post: (message: FromWorker) => void;
  #channel: TransferChannel | null = null;
  #lastId = 0;
  /** By the server's number. */
  readonly #downloads = new Map<number, Download>();

  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  attach(channel: TransferChannel): void {
    this.#channel = channel;
  }

  /** The connection is gone, and with it what was on the way. */
  detach(): void {
    this.#channel = null;
    for (const download of [...this.#downloads.values()]) {
      this.#fail(download, 'The connection was lost.');
    }
  }

  /** The guest sends a file. */
  onOffer(offer: FileOffer): void {
    this.#lastId += 1;
    const id = this.#lastId;
    const download: Download = { id, offer, sink: null, arrived: 0, stored: 0, reported: 0, storing: Promise.resolve() };
    this.#downloads.set(offer.offer, download);
    this.#post({ type: 'fileOffer', id, name: offer.name, size: offer.size });
  }

  /** The user wants it: in a file that they chose, or as a blob for the browser to save. */
  accept(id: number, handle: FileSystemFileHandle | null): void {
    const download = this.#find(id);
    if (download?.sink !== null) {
      // It was withdrawn while the user chose: the file that the browser made is empty.
      void sinkInto(handle).abort();
      return;
    }
    download.sink = sinkInto(handle);
    this.#send(client.fileAnswer(download.offer.offer, true));
    this.#report(download, 'receiving');
  }

  /** The user does not want it, or no longer. */
  decline(id: number): void {
    const download = this.#find(id);
    if (download !== undefined) {
      this.#send(client.fileAnswer(download.offer.offer, false));
      this.#end(download);
      void download.sink?.abort();
    }
  }

  /** A chunk of a file came. */
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

  #abort(download: Download, text: string): void {
    if (this.#isActive(download)) {
      this.#send(client.fileAnswer(download.offer.offer, false));
      this.#fail(download, text);
    }
  }

  #fail(download: Download, text: string): void {
    this.#end(download);
    // What nobody has asked for is just gone.
    this.#report(download, download.sink === null ? 'withdrawn' : 'failed', text);
    void download.sink?.abort();
  }

  #report(download: Download, state: 'receiving' | 'done' | 'failed' | 'withdrawn', text = '', blob: Blob | null = null): void {
    this.#post({ type: 'download', id: download.id, state, received: download.stored, text, blob });
  }

  #end(download: Download): void {
    this.#downloads.delete(download.offer.offer);
  }

  /** Whether it has not come to an end while something else was waited for. */
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
