/** Messages from the client, as bytes ready for the socket. */
import type { TileHashes } from './tile-hashes';

const I16_MIN = -32768;
const I16_MAX = 32767;
const U16_MAX = 65535;

function message(type: number, bodyLength: number, fill: (view: DataView) => void): ArrayBuffer {
  const buffer = new ArrayBuffer(1 + bodyLength);
  const view = new DataView(buffer);
  view.setUint8(0, type);
  fill(view);
  return buffer;
}

function json(type: number, value: unknown): ArrayBuffer {
  const text = new TextEncoder().encode(JSON.stringify(value));
  return message(type, text.length, (view) => {
    new Uint8Array(view.buffer).set(text, 1);
  });
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, Math.round(value)));
}

export interface Hello {
  readonly h264: boolean;
  readonly videoOnly: boolean;
  /** Which of the guest's screens is shown. */
  readonly screen: number;
}

/** The longest message that the server takes. */
const MAX_MESSAGE = 64 * 1024;

/** The versions of the protocol that this client speaks. */
export const VERSIONS = [1] as const;

/** With `known`, {@link known} is to follow. */
export function hello({ h264, videoOnly, screen }: Hello, known: boolean): ArrayBuffer {
  return json(0x81, { versions: VERSIONS, h264, video_only: videoOnly, screen, known });
}

/** The picture that is shown already; `null` when that takes too long a message. */
export function known({ width, height, words }: TileHashes): ArrayBuffer | null {
  const bodyLength = 4 + words.byteLength;
  if (bodyLength >= MAX_MESSAGE) {
    return null;
  }
  return message(0x96, bodyLength, (view) => {
    view.setUint16(1, width, true);
    view.setUint16(3, height, true);
    words.forEach((word, at) => view.setUint32(5 + at * 4, word, true));
  });
}

/** Times in microseconds from the frame's receipt. */
export function ack(frameId: number, decodeUs: number, presentUs: number): ArrayBuffer {
  return message(0x82, 12, (view) => {
    view.setUint32(1, frameId, true);
    view.setUint32(5, decodeUs, true);
    view.setUint32(9, presentUs, true);
  });
}

export function key(seq: number, code: number, down: boolean): ArrayBuffer {
  return message(0x83, 7, (view) => {
    view.setUint32(1, seq, true);
    view.setUint16(5, code, true);
    view.setUint8(7, down ? 1 : 0);
  });
}

/** `x` and `y` are fractions of the screen, 0 to 65535. */
export function pointerTo(seq: number, x: number, y: number): ArrayBuffer {
  return message(0x84, 8, (view) => {
    view.setUint32(1, seq, true);
    view.setUint16(5, clamp(x, 0, U16_MAX), true);
    view.setUint16(7, clamp(y, 0, U16_MAX), true);
  });
}

export function button(seq: number, index: number, down: boolean): ArrayBuffer {
  return message(0x85, 6, (view) => {
    view.setUint32(1, seq, true);
    view.setUint8(5, index);
    view.setUint8(6, down ? 1 : 0);
  });
}

/** `dx` and `dy` in 1/120 of a notch; right and down are positive. */
export function wheel(seq: number, dx: number, dy: number): ArrayBuffer {
  return pair(0x86, seq, dx, dy);
}

export function releaseAll(seq: number): ArrayBuffer {
  return message(0x87, 4, (view) => {
    view.setUint32(1, seq, true);
  });
}

/** `prove` asks for the hashes of exact pictures. */
export function settings(videoOnly: boolean, prove: boolean): ArrayBuffer {
  return json(0x88, { video_only: videoOnly, prove });
}

export function ping(token: bigint): ArrayBuffer {
  return message(0x89, 8, (view) => {
    view.setBigUint64(1, token, true);
  });
}

/** Asks for a whole new picture. */
export function refresh(): ArrayBuffer {
  return message(0x8a, 0, () => undefined);
}

/** The decoder failed: exact updates only from now on. */
export function videoFailed(): ArrayBuffer {
  return message(0x8b, 0, () => undefined);
}

/** What the client wants of sound: to hear it, and that its microphone is on. */
export function sound(listen: boolean, speak: boolean): ArrayBuffer {
  return message(0x94, 1, (view) => {
    view.setUint8(1, (listen ? 1 : 0) | (speak ? 2 : 0));
  });
}

/** One Opus packet of what the microphone heard. */
export function recording(sequence: number, opus: Uint8Array): ArrayBuffer {
  return message(0x95, 4 + opus.length, (view) => {
    view.setUint32(1, sequence, true);
    new Uint8Array(view.buffer).set(opus, 5);
  });
}

/** A movement in pixels, while the pointer is locked. */
export function pointerBy(seq: number, dx: number, dy: number): ArrayBuffer {
  return pair(0x8c, seq, dx, dy);
}

/** A screen that the person wants, in device pixels of their own monitor. */
export interface WantedScreen {
  readonly width: number;
  readonly height: number;
  /** Where it lies on all of the person's monitors. */
  readonly x: number;
  readonly y: number;
  /** Pixels to the inch, 96 where they are plain ones. */
  readonly dpi: number;
}

/** Asks for one of the screens to be like this; the others stay as they are. */
export function resize(screen: number, wanted: WantedScreen): ArrayBuffer {
  return json(0x8d, { screens: [...Array<null>(screen).fill(null), wanted] });
}

/** What a clipboard can hold, by media type. */
export const CONTENT_TYPES = ['text/plain', 'image/png'] as const;
export type ContentType = (typeof CONTENT_TYPES)[number];

/** Contents of a clipboard are at most so long, in bytes. */
export const MAX_CONTENTS = 64 << 20;

/** The longest piece of a clipboard's contents or of a file that travels at once. */
export const MAX_PIECE = 60 * 1024;

/** The person's clipboard has something in these types. */
export function clipboardOffer(types: readonly ContentType[]): ArrayBuffer {
  return json(0x8e, { types });
}

/** The person pastes what the guest offered; `request` counts up. */
export function clipboardRequest(request: number, type: ContentType): ArrayBuffer {
  return numbered(0x8f, request, new TextEncoder().encode(type));
}

/** A piece of what the guest asked for; `null` when there is nothing to give. */
export function clipboardData(request: number, piece: Uint8Array | null, last: boolean): ArrayBuffer {
  const bytes = piece ?? new Uint8Array();
  return message(0x90, 5 + bytes.length, (view) => {
    view.setUint32(1, request, true);
    view.setUint8(5, (last ? 1 : 0) | (piece === null ? 2 : 0));
    new Uint8Array(view.buffer).set(bytes, 6);
  });
}

/** A file of `size` bytes follows. */
export function fileStart(transfer: number, size: number, name: string): ArrayBuffer {
  const text = new TextEncoder().encode(name);
  return message(0x91, 12 + text.length, (view) => {
    view.setUint32(1, transfer, true);
    view.setBigUint64(5, BigInt(size), true);
    new Uint8Array(view.buffer).set(text, 13);
  });
}

export function fileData(transfer: number, piece: Uint8Array): ArrayBuffer {
  return numbered(0x92, transfer, piece);
}

export function fileCancel(transfer: number): ArrayBuffer {
  return numbered(0x93, transfer, new Uint8Array());
}

/** Whether the person wants what the guest sends, or still wants it. */
export function fileAnswer(offer: number, accept: boolean): ArrayBuffer {
  return numbered(0x97, offer, new Uint8Array([accept ? 1 : 0]));
}

/** So many bytes of it are stored; all of them only once the file is safe. */
export function fileTaken(offer: number, received: number): ArrayBuffer {
  return message(0x98, 12, (view) => {
    view.setUint32(1, offer, true);
    view.setBigUint64(5, BigInt(received), true);
  });
}

function numbered(type: number, number: number, bytes: Uint8Array): ArrayBuffer {
  return message(type, 4 + bytes.length, (view) => {
    view.setUint32(1, number, true);
    new Uint8Array(view.buffer).set(bytes, 5);
  });
}

function pair(type: number, seq: number, dx: number, dy: number): ArrayBuffer {
  return message(type, 8, (view) => {
    view.setUint32(1, seq, true);
    view.setInt16(5, clamp(dx, I16_MIN, I16_MAX), true);
    view.setInt16(7, clamp(dy, I16_MIN, I16_MAX), true);
  });
}
