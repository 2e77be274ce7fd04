import * as client from '../protocol/client-messages';
import type { ContentType } from '../protocol/client-messages';
import type { ClipboardChunk } from '../protocol/server-messages';
import type { ClipboardContents, FromWorker } from './messages';
import type { TransferChannel } from './transfer-channel';

/** Response of the guest to a ClipboardRequest, while its chunks arrive. */
interface Incoming {
  /** Number of the request. */
  readonly request: number;
  /** Requested media type. */
  readonly type: ContentType;
  /** Media types to request afterwards. */
  readonly next: readonly ContentType[];
  /** Contents of the types that are complete. */
  readonly received: ClipboardContents;
  /** Chunks of the current type, in order. */
  chunks: Uint8Array<ArrayBuffer>[];
  /** Sum of the lengths of `chunks` in bytes. */
  length: number;
}

const EMPTY: ClipboardContents = { text: null, png: null };

/**
 * Clipboard transfer between the user's computer and the guest, across connections. The newest copy of either side
 * wins: an offer of one side invalidates the contents of the other.
 */
export class ClipboardChannel {
  readonly #post: (message: FromWorker) => void;
  #channel: TransferChannel | null = null;
  /** Contents of the user's clipboard; empty after the guest has copied something newer. */
  #local: ClipboardContents = EMPTY;
  #incoming: Incoming | null = null;
  #lastRequest = 0;

  /** Creates a channel without a connection; `post` sends messages to the page. */
  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  /**
   * Uses a new connection that may act on the guest. Numbering restarts, and the user's contents are offered again:
   * the server keeps no clipboard state between connections.
   */
  attach(channel: TransferChannel): void {
    this.#channel = channel;
    this.#lastRequest = 0;
    if (typesOf(this.#local).length > 0) {
      channel.send(client.clipboardOffer(typesOf(this.#local)));
    }
  }

  /** Stops using the connection; a transfer from the guest in progress is dropped. */
  detach(): void {
    this.#channel = null;
    this.#incoming = null;
  }

  /**
   * Offers new contents of the user's clipboard. Resolves with `true` once the server has read the offer, with
   * `false` without a connection.
   */
  async offer(contents: ClipboardContents): Promise<boolean> {
    this.#local = contents;
    if (this.#channel === null) {
      return false;
    }
    // A transfer of older guest contents must not replace the newer ones.
    this.#incoming = null;
    this.#channel.send(client.clipboardOffer(typesOf(contents)));
    return this.#channel.roundTrip();
  }

  /** Handles a ClipboardOffer of the guest: requests each of `types`, then posts the contents to the page. */
  onGuestOffer(types: readonly ContentType[]): void {
    this.#incoming = null;
    if (types.length > 0) {
      this.#local = EMPTY;
      this.#request(types, EMPTY);
    }
  }

  /** Requests the next type; posts `guestClipboard` once none is left. */
  #request([type, ...next]: readonly ContentType[], received: ClipboardContents): void {
    if (type === undefined) {
      this.#post({ type: 'guestClipboard', contents: received });
      return;
    }
    this.#lastRequest += 1;
    this.#incoming = { request: this.#lastRequest, type, next, received, chunks: [], length: 0 };
    this.#channel?.send(client.clipboardRequest(this.#lastRequest, type));
  }

  /** Handles a ClipboardData chunk; chunks of superseded requests are ignored. A failed or oversized type is left out. */
  onChunk({ request, bytes, last, failed }: ClipboardChunk): void {
    const incoming = this.#incoming;
    if (incoming?.request !== request) {
      return;
    }
    incoming.length += bytes.length;
    const tooLong = incoming.length > client.MAX_CLIPBOARD_BYTES;
    if (!failed && !tooLong) {
      incoming.chunks.push(bytes);
      if (!last) {
        return;
      }
    }
    this.#incoming = null;
    this.#request(incoming.next, failed || tooLong ? incoming.received : assemble(incoming));
  }

  /** Sends the user's contents of one media type to the guest in paced chunks, or a refusal. */
  async onGuestRequest(request: number, type: string): Promise<void> {
    const channel = this.#channel;
    const { text, png } = this.#local;
    let bytes: Uint8Array | null = null;
    if (type === 'text/plain' && text !== null) {
      bytes = new TextEncoder().encode(text);
    } else if (type === 'image/png' && png !== null) {
      bytes = await png.arrayBuffer().then(
        (buffer) => new Uint8Array(buffer),
        () => null,
      );
    }
    if (bytes === null) {
      channel?.send(client.clipboardData(request, null, true));
      return;
    }
    for (let at = 0, last = false; !last; ) {
      if (channel === null || !(await channel.readyForChunk())) {
        return;
      }
      const chunk = bytes.subarray(at, at + channel.chunkSize());
      at += chunk.length;
      last = at === bytes.length;
      channel.sendChunk(client.clipboardData(request, chunk, last));
    }
  }
}

/** Lists the media types in which `contents` exists. */
function typesOf({ text, png }: ClipboardContents): ContentType[] {
  return [...(text === null ? [] : (['text/plain'] as const)), ...(png === null ? [] : (['image/png'] as const))];
}

/** Adds the completed type to the received contents. */
function assemble({ type, received, chunks }: Incoming): ClipboardContents {
  if (type === 'image/png') {
    return { ...received, png: new Blob(chunks, { type }) };
  }
  const decoder = new TextDecoder();
  const parts = chunks.map((chunk) => decoder.decode(chunk, { stream: true }));
  return { ...received, text: parts.join('') + decoder.decode() };
}
