import * as client from '../protocol/client-messages';
import type { ContentType } from '../protocol/client-messages';
import type { ClipboardChunk } from '../protocol/server-messages';
import type { ClipboardContents, FromWorker } from './messages';
import type { TransferChannel } from './transfer-channel';

/** An answer of the guest that is on its way. */
interface Incoming {
  readonly request: number;
  readonly type: ContentType;
  /** What is asked for next. */
  readonly next: readonly ContentType[];
  readonly received: ClipboardContents;
  chunks: Uint8Array<ArrayBuffer>[];
  length: number;
}

const EMPTY: ClipboardContents = { text: null, png: null };

/** Both clipboards, the guest's and the user's, across connections: who copied last is pasted from. */
export class ClipboardChannel {
  readonly #post: (message: FromWorker) => void;
  #channel: TransferChannel | null = null;
  /** What the user's side has, as long as it is the newer one. */
  #local: ClipboardContents = EMPTY;
  #incoming: Incoming | null = null;
  #lastRequest = 0;

  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  /** A connection is there, and may act on the guest; the server knows nothing of what was before. */
  attach(channel: TransferChannel): void {
    this.#channel = channel;
    this.#lastRequest = 0;
    if (typesOf(this.#local).length > 0) {
      channel.send(client.clipboardOffer(typesOf(this.#local)));
    }
  }

  detach(): void {
    this.#channel = null;
    this.#incoming = null;
  }

  /** The user's clipboard has this now. Resolves once the server knows; false: it does not. */
  async offer(contents: ClipboardContents): Promise<boolean> {
    this.#local = contents;
    if (this.#channel === null) {
      return false;
    }
    // What the guest copied before is not to replace it.
    this.#incoming = null;
    this.#channel.send(client.clipboardOffer(typesOf(contents)));
    return this.#channel.roundTrip();
  }

  /** The guest copied something in these types. */
  onGuestOffer(types: readonly ContentType[]): void {
    this.#incoming = null;
    if (types.length > 0) {
      this.#local = EMPTY;
      this.#request(types, EMPTY);
    }
  }

  #request([type, ...next]: readonly ContentType[], received: ClipboardContents): void {
    if (type === undefined) {
      this.#post({ type: 'guestClipboard', contents: received });
      return;
    }
    this.#lastRequest += 1;
    this.#incoming = { request: this.#lastRequest, type, next, received, chunks: [], length: 0 };
    this.#channel?.send(client.clipboardRequest(this.#lastRequest, type));
  }

  /** A chunk of what was asked for. */
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

  /** The guest pastes what was offered to it. */
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

function typesOf({ text, png }: ClipboardContents): ContentType[] {
  return [...(text === null ? [] : (['text/plain'] as const)), ...(png === null ? [] : (['image/png'] as const))];
}

function assemble({ type, received, chunks }: Incoming): ClipboardContents {
  if (type === 'image/png') {
    return { ...received, png: new Blob(chunks, { type }) };
  }
  const decoder = new TextDecoder();
  const parts = chunks.map((chunk) => decoder.decode(chunk, { stream: true }));
  return { ...received, text: parts.join('') + decoder.decode() };
}
