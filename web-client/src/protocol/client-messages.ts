/**
 * Encoders of the messages from the client (docs/protocol.md, "Messages to the server"). Each returns one WebSocket
 * message: a kind byte and the body.
 */
import { ClientMessageKind } from './message-kind';
import type { TileHashes } from './tile-hashes';

const I16_MIN = -32768;
const I16_MAX = 32767;
const U16_MAX = 65535;

/** Allocates a message and writes the kind; `fill` writes the body from offset 1 on. */
function message(type: number, bodyLength: number, fill: (view: DataView) => void): ArrayBuffer {
  const buffer = new ArrayBuffer(1 + bodyLength);
  const view = new DataView(buffer);
  view.setUint8(0, type);
  fill(view);
  return buffer;
}

/** Encodes a message whose body is JSON. */
function json(type: number, value: unknown): ArrayBuffer {
  const text = new TextEncoder().encode(JSON.stringify(value));
  return message(type, text.length, (view) => {
    new Uint8Array(view.buffer).set(text, 1);
  });
}

/** Rounds a number and limits it to a field's range. */
function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, Math.round(value)));
}

/** Capabilities and choices of the client in Hello. */
export interface Hello {
  /** Whether this browser decodes H.264. */
  readonly h264: boolean;
  /** Whether the server is to send everything as video. */
  readonly videoOnly: boolean;
  /** Number of the guest's screen that this connection shows, from 0 on. */
  readonly screen: number;
}

/** Longest message that the server accepts, in bytes. */
const MAX_MESSAGE = 64 * 1024;

/** Protocol versions that this client supports. */
export const VERSIONS = [1] as const;

/** Encodes Hello, the first message of a connection; with `resume`, {@link resumeHashes} has to follow at once. */
export function hello({ h264, videoOnly, screen }: Hello, resume: boolean): ArrayBuffer {
  return json(ClientMessageKind.Hello, { versions: VERSIONS, h264, video_only: videoOnly, screen, resume });
}

/**
 * Encodes ResumeHashes: the tile hashes of the picture that a reconnecting client still shows. Returns `null` when
 * the message would exceed the server's limit.
 */
export function resumeHashes({ width, height, words }: TileHashes): ArrayBuffer | null {
  const bodyLength = 4 + words.byteLength;
  if (bodyLength >= MAX_MESSAGE) {
    return null;
  }
  return message(ClientMessageKind.ResumeHashes, bodyLength, (view) => {
    view.setUint16(1, width, true);
    view.setUint16(3, height, true);
    words.forEach((word, at) => view.setUint32(5 + at * 4, word, true));
  });
}

/** Encodes Ack for a painted frame, with the times from its receipt to decoded and to painted, in microseconds. */
export function ack(frameId: number, decodeUs: number, presentUs: number): ArrayBuffer {
  return message(ClientMessageKind.Ack, 12, (view) => {
    view.setUint32(1, frameId, true);
    view.setUint32(5, decodeUs, true);
    view.setUint32(9, presentUs, true);
  });
}

/**
 * Encodes Key: press or release of a key. `code` is a Linux `KEY_*` code; `seq` numbers the inputs of a connection,
 * from 1 on.
 */
export function key(seq: number, code: number, down: boolean): ArrayBuffer {
  return message(ClientMessageKind.Key, 7, (view) => {
    view.setUint32(1, seq, true);
    view.setUint16(5, code, true);
    view.setUint8(7, down ? 1 : 0);
  });
}

/** Encodes PointerTo: an absolute position. `x` and `y` are fractions of the screen, 0 to 65535, and clamped to that. */
export function pointerTo(seq: number, x: number, y: number): ArrayBuffer {
  return message(ClientMessageKind.PointerTo, 8, (view) => {
    view.setUint32(1, seq, true);
    view.setUint16(5, clamp(x, 0, U16_MAX), true);
    view.setUint16(7, clamp(y, 0, U16_MAX), true);
  });
}

/** Encodes Button: press or release of a pointer button. `index` is the DOM's `MouseEvent.button`. */
export function button(seq: number, index: number, down: boolean): ArrayBuffer {
  return message(ClientMessageKind.Button, 6, (view) => {
    view.setUint32(1, seq, true);
    view.setUint8(5, index);
    view.setUint8(6, down ? 1 : 0);
  });
}

/** Encodes Wheel: movement in 1/120 of a notch; right and down are positive. */
export function wheel(seq: number, dx: number, dy: number): ArrayBuffer {
  return pair(ClientMessageKind.Wheel, seq, dx, dy);
}

/** Encodes ReleaseAll: releases all keys and buttons that this client holds, as when the focus is lost. */
export function releaseAll(seq: number): ArrayBuffer {
  return message(ClientMessageKind.ReleaseAll, 4, (view) => {
    view.setUint32(1, seq, true);
  });
}

/** Encodes Settings of the picture. With `frameHashes`, the server sends FrameHash after each lossless frame. */
export function settings(videoOnly: boolean, frameHashes: boolean): ArrayBuffer {
  return json(ClientMessageKind.Settings, { video_only: videoOnly, frame_hashes: frameHashes });
}

/** Encodes Ping; the server returns `token` in Pong. */
export function ping(token: bigint): ArrayBuffer {
  return message(ClientMessageKind.Ping, 8, (view) => {
    view.setBigUint64(1, token, true);
  });
}

/** Encodes Refresh: requests a full refresh of the picture. */
export function refresh(): ArrayBuffer {
  return message(ClientMessageKind.Refresh, 0, () => undefined);
}

/** Encodes VideoFailed: the video decoder failed, and the server sends only lossless updates from now on. */
export function videoFailed(): ArrayBuffer {
  return message(ClientMessageKind.VideoFailed, 0, () => undefined);
}

/** Encodes Sound: switches playback of the guest's audio and capture of the user's microphone. */
export function sound(playback: boolean, capture: boolean): ArrayBuffer {
  return message(ClientMessageKind.Sound, 1, (view) => {
    view.setUint8(1, (playback ? 1 : 0) | (capture ? 2 : 0));
  });
}

/** Encodes Recording: one Opus packet of the microphone; `sequence` counts packets. */
export function recording(sequence: number, opus: Uint8Array): ArrayBuffer {
  return message(ClientMessageKind.Recording, 4 + opus.length, (view) => {
    view.setUint32(1, sequence, true);
    new Uint8Array(view.buffer).set(opus, 5);
  });
}

/** Encodes PointerBy: a relative movement in pixels, while the pointer is locked. */
export function pointerBy(seq: number, dx: number, dy: number): ArrayBuffer {
  return pair(ClientMessageKind.PointerBy, seq, dx, dy);
}

/** Requested configuration of one of the guest's monitors; lengths in device pixels of the user's monitor. */
export interface MonitorConfig {
  /** Width of the monitor. */
  readonly width: number;
  /** Height of the monitor. */
  readonly height: number;
  /** Left edge of the user's monitor in the arrangement of all monitors. */
  readonly x: number;
  /** Top edge of the user's monitor in the arrangement of all monitors. */
  readonly y: number;
  /** Pixel density: 96 times the device pixels of a CSS pixel, divided by the magnification. */
  readonly dpi: number;
}

/** Encodes LayoutRequest for one monitor; the others remain unchanged. */
export function layoutRequest(screen: number, monitor: MonitorConfig): ArrayBuffer {
  return json(ClientMessageKind.LayoutRequest, { screens: [...Array<null>(screen).fill(null), monitor] });
}

/** Media types of clipboard contents. */
export const CONTENT_TYPES = ['text/plain', 'image/png'] as const;
/** One of {@link CONTENT_TYPES}. */
export type ContentType = (typeof CONTENT_TYPES)[number];

/** Maximum size of clipboard contents in one type, in bytes. */
export const MAX_CLIPBOARD_BYTES = 64 << 20;

/** Maximum size of a chunk of clipboard contents or of a file, in bytes. */
export const MAX_CHUNK = 60 * 1024;

/** Encodes ClipboardOffer: the types in which the user's clipboard has contents. */
export function clipboardOffer(types: readonly ContentType[]): ArrayBuffer {
  return json(ClientMessageKind.ClipboardOffer, { types });
}

/** Encodes ClipboardRequest for the guest's clipboard contents in one type; `request` increases. */
export function clipboardRequest(request: number, type: ContentType): ArrayBuffer {
  return numbered(ClientMessageKind.ClipboardRequest, request, new TextEncoder().encode(type));
}

/** Encodes ClipboardData: a chunk of contents that the guest requested. A `null` chunk refuses the request. */
export function clipboardData(request: number, chunk: Uint8Array | null, last: boolean): ArrayBuffer {
  const bytes = chunk ?? new Uint8Array();
  return message(ClientMessageKind.ClipboardData, 5 + bytes.length, (view) => {
    view.setUint32(1, request, true);
    view.setUint8(5, (last ? 1 : 0) | (chunk === null ? 2 : 0));
    new Uint8Array(view.buffer).set(bytes, 6);
  });
}

/** Encodes FileStart: begins the upload of a file of `size` bytes; `name` is a single path component. */
export function fileStart(transfer: number, size: number, name: string): ArrayBuffer {
  const text = new TextEncoder().encode(name);
  return message(ClientMessageKind.FileStart, 12 + text.length, (view) => {
    view.setUint32(1, transfer, true);
    view.setBigUint64(5, BigInt(size), true);
    new Uint8Array(view.buffer).set(text, 13);
  });
}

/** Encodes FileData: a chunk of an upload. */
export function fileData(transfer: number, chunk: Uint8Array): ArrayBuffer {
  return numbered(ClientMessageKind.FileData, transfer, chunk);
}

/** Encodes FileCancel: cancels an upload. */
export function fileCancel(transfer: number): ArrayBuffer {
  return numbered(ClientMessageKind.FileCancel, transfer, new Uint8Array());
}

/** Encodes FileAnswer: accepts or declines a file that the guest offers. A decline also cancels a running download. */
export function fileAnswer(offer: number, accept: boolean): ArrayBuffer {
  return numbered(ClientMessageKind.FileAnswer, offer, new Uint8Array([accept ? 1 : 0]));
}

/**
 * Encodes FileTaken: acknowledges the stored bytes of a download. The whole size is acknowledged only once the file
 * is complete on disk.
 */
export function fileTaken(offer: number, received: number): ArrayBuffer {
  return message(ClientMessageKind.FileTaken, 12, (view) => {
    view.setUint32(1, offer, true);
    view.setBigUint64(5, BigInt(received), true);
  });
}

/** Encodes a message of a 32-bit number and bytes. */
function numbered(type: number, number: number, bytes: Uint8Array): ArrayBuffer {
  return message(type, 4 + bytes.length, (view) => {
    view.setUint32(1, number, true);
    new Uint8Array(view.buffer).set(bytes, 5);
  });
}

/** Encodes an input of two signed 16-bit values. */
function pair(type: number, seq: number, dx: number, dy: number): ArrayBuffer {
  return message(type, 8, (view) => {
    view.setUint32(1, seq, true);
    view.setInt16(5, clamp(dx, I16_MIN, I16_MAX), true);
    view.setInt16(7, clamp(dy, I16_MIN, I16_MAX), true);
  });
}
