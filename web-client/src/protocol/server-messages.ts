import { ByteReader, ProtocolError } from './bytes';
import { CONTENT_TYPES, type ContentType } from './client-messages';
import { type Frame, parseFrame } from './frame';
import { ServerMessageKind } from './message-kind';
import { parseTileHashes, type TileHashes } from './tile-hashes';

/** Image of the guest's pointer with straight alpha; 0x0 when the guest hides its pointer. */
export interface CursorShape {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Column of the hot spot. */
  readonly hotX: number;
  /** Row of the hot spot. */
  readonly hotY: number;
  /** `width * height` pixels of red, green, blue, alpha. */
  readonly rgba: Uint8Array<ArrayBuffer>;
}

/** Lock LEDs of the guest's keyboard. */
export interface Leds {
  /** Num Lock. */
  readonly num: boolean;
  /** Caps Lock. */
  readonly caps: boolean;
  /** Scroll Lock. */
  readonly scroll: boolean;
}

/** Rectangle of one screen in the guest's arrangement of screens, in pixels; 0x0 when the screen is off. */
export interface ScreenRect {
  /** Width. */
  readonly width: number;
  /** Height. */
  readonly height: number;
  /** Left edge. */
  readonly x: number;
  /** Top edge. */
  readonly y: number;
}

/** Packet of 10 ms of the guest's audio output. */
export interface AudioPacket {
  /** Sequence number; it also counts packets that the server dropped. */
  readonly sequence: number;
  /** Presentation time of the first sample in microseconds, by the server's clock. */
  readonly timeUs: bigint;
  /** Opus packet (RFC 6716), stereo. */
  readonly opus: Uint8Array<ArrayBuffer>;
}

/** Capabilities of the guest's agents for this client. */
export interface Agents {
  /** Whether the user's clipboard may be sent to the guest. */
  readonly clipboardTo: boolean;
  /** Whether the guest's clipboard may be sent to the user. */
  readonly clipboardFrom: boolean;
  /** Whether files may be sent to the guest. */
  readonly files: boolean;
  /** Whether the guest can play audio to this client. */
  readonly sound: boolean;
  /** Whether the guest can record from the user's microphone. */
  readonly microphone: boolean;
}

/** Chunk of the guest's clipboard contents, in response to a request. */
export interface ClipboardChunk {
  /** Number of the request. */
  readonly request: number;
  /** Whether this is the last chunk. */
  readonly last: boolean;
  /** Whether the request failed; no chunk follows. */
  readonly failed: boolean;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Progress or end of an upload. */
export interface FileStatus {
  /** Number of the upload. */
  readonly transfer: number;
  /** State of the upload. */
  readonly state: 'accepted' | 'progress' | 'done' | 'failed';
  /** Bytes that the guest has received. */
  readonly received: number;
  /** Reason of a failure, one sentence; otherwise empty. */
  readonly text: string;
}

/** File that the guest offers to the user. */
export interface FileOffer {
  /** Number of the offer. */
  readonly offer: number;
  /** File name, not yet sanitized. */
  readonly name: string;
  /** Size in bytes. */
  readonly size: number;
}

/** Chunk of a file that the guest sends. */
export interface FileChunk {
  /** Number of the offer. */
  readonly offer: number;
  /** Whether this is the last chunk. */
  readonly last: boolean;
  /** Whether the transfer or its offer ended early; no chunk follows. */
  readonly failed: boolean;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Message from the server; `type` names the message of docs/protocol.md, `unknown` one of a newer server. */
export type ServerMessage =
  | { readonly type: 'welcome'; readonly version: number; readonly width: number; readonly height: number; readonly watching: boolean }
  | { readonly type: 'frame'; readonly frame: Frame }
  | { readonly type: 'cursorShape'; readonly shape: CursorShape }
  | { readonly type: 'cursorMove'; readonly x: number; readonly y: number }
  | { readonly type: 'leds'; readonly leds: Leds }
  | { readonly type: 'notice'; readonly kind: string; readonly text: string }
  | { readonly type: 'pong'; readonly token: bigint }
  | { readonly type: 'screens'; readonly max: number; readonly screens: readonly ScreenRect[] }
  | { readonly type: 'closed'; readonly code: string; readonly text: string }
  | { readonly type: 'audio'; readonly packet: AudioPacket }
  | { readonly type: 'agents'; readonly agents: Agents }
  | { readonly type: 'clipboardOffer'; readonly types: readonly ContentType[] }
  | { readonly type: 'clipboardRequest'; readonly request: number; readonly content: string }
  | { readonly type: 'clipboardData'; readonly chunk: ClipboardChunk }
  | { readonly type: 'fileStatus'; readonly status: FileStatus }
  /** Tile hashes of the guest's framebuffer as of the newest frame. */
  | { readonly type: 'frameHash'; readonly frameId: number; readonly hashes: TileHashes }
  | { readonly type: 'fileOffer'; readonly offer: FileOffer }
  | { readonly type: 'fileContent'; readonly chunk: FileChunk }
  | { readonly type: 'unknown'; readonly byte: number };

/** Parses one WebSocket message. Throws {@link ProtocolError} when it is malformed. */
export function parseServerMessage(data: ArrayBuffer): ServerMessage {
  const reader = new ByteReader(new Uint8Array(data));
  const byte = reader.u8();
  switch (byte) {
    case ServerMessageKind.Welcome:
      return parseWelcome(reader);
    case ServerMessageKind.Frame:
      return { type: 'frame', frame: parseFrame(reader) };
    case ServerMessageKind.CursorShape:
      return { type: 'cursorShape', shape: parseCursor(reader) };
    case ServerMessageKind.CursorMove:
      return { type: 'cursorMove', x: reader.u16(), y: reader.u16() };
    case ServerMessageKind.Leds: {
      const bits = reader.u8();
      return { type: 'leds', leds: { num: (bits & 1) !== 0, caps: (bits & 2) !== 0, scroll: (bits & 4) !== 0 } };
    }
    case ServerMessageKind.Notice: {
      const body = fields(reader);
      return { type: 'notice', kind: text(body, 'kind'), text: text(body, 'text') };
    }
    case ServerMessageKind.Pong:
      return { type: 'pong', token: reader.u64() };
    case ServerMessageKind.Closed: {
      const body = fields(reader);
      return { type: 'closed', code: text(body, 'code'), text: text(body, 'text') };
    }
    case ServerMessageKind.Screens:
      return parseScreens(reader);
    case ServerMessageKind.Audio:
      return { type: 'audio', packet: { sequence: reader.u32(), timeUs: reader.u64(), opus: reader.rest() } };
    case ServerMessageKind.Agents:
      return { type: 'agents', agents: parseAgents(fields(reader)) };
    case ServerMessageKind.ClipboardOffer:
      return parseClipboardOffer(fields(reader));
    case ServerMessageKind.ClipboardRequest:
      return { type: 'clipboardRequest', request: reader.u32(), content: new TextDecoder().decode(reader.rest()) };
    case ServerMessageKind.ClipboardData: {
      const request = reader.u32();
      const flags = reader.u8();
      const chunk = { request, last: flags !== 0, failed: (flags & 2) !== 0, bytes: reader.rest() };
      return { type: 'clipboardData', chunk };
    }
    case ServerMessageKind.FileStatus:
      return parseFileStatus(fields(reader));
    case ServerMessageKind.FrameHash:
      return { type: 'frameHash', frameId: reader.u32(), hashes: parseTileHashes(reader) };
    case ServerMessageKind.FileOffer: {
      const body = fields(reader);
      const offer = { offer: number(body, 'offer'), name: text(body, 'name'), size: number(body, 'size') };
      return { type: 'fileOffer', offer };
    }
    case ServerMessageKind.FileContent: {
      const offer = reader.u32();
      const flags = reader.u8();
      const chunk = { offer, last: (flags & 1) !== 0, failed: (flags & 2) !== 0, bytes: reader.rest() };
      return { type: 'fileContent', chunk };
    }
    default:
      return { type: 'unknown', byte };
  }
}

function parseWelcome(reader: ByteReader): ServerMessage {
  const body = fields(reader);
  return {
    type: 'welcome',
    version: number(body, 'version'),
    width: number(body, 'width'),
    height: number(body, 'height'),
    watching: body['watching'] === true,
  };
}

/** Parses the capabilities; the clipboard policy restricts the directions of the clipboard. */
function parseAgents(body: Record<string, unknown>): Agents {
  const can = (capability: string): boolean => body[capability] === true;
  const policy = body['clipboard_policy'] ?? 'both';
  const allowed = (direction: string): boolean => can('clipboard') && (policy === 'both' || policy === direction);
  return {
    clipboardTo: allowed('to-desktop'),
    clipboardFrom: allowed('from-desktop'),
    files: can('files'),
    sound: can('sound'),
    microphone: can('microphone'),
  };
}

function parseClipboardOffer(body: Record<string, unknown>): ServerMessage {
  const types = body['types'];
  if (!Array.isArray(types)) {
    throw new ProtocolError('a message lacks its "types"');
  }
  return { type: 'clipboardOffer', types: CONTENT_TYPES.filter((type) => types.includes(type)) };
}

const FILE_STATES = ['accepted', 'progress', 'done', 'failed'] as const;

function parseFileStatus(body: Record<string, unknown>): ServerMessage {
  const state = FILE_STATES.find((known) => known === body['state']);
  if (state === undefined) {
    throw new ProtocolError('a file is in an unknown state');
  }
  const reason = body['text'];
  return {
    type: 'fileStatus',
    status: {
      transfer: number(body, 'transfer'),
      state,
      received: number(body, 'received'),
      text: typeof reason === 'string' ? reason : '',
    },
  };
}

function parseScreens(reader: ByteReader): ServerMessage {
  const body = fields(reader);
  const screens = body['screens'];
  if (!Array.isArray(screens)) {
    throw new ProtocolError('a message lacks its "screens"');
  }
  return {
    type: 'screens',
    max: number(body, 'max'),
    screens: screens.map((value: unknown) => {
      const screen = object(value);
      const side = (name: string): number => number(screen, name);
      return { width: side('width'), height: side('height'), x: side('x'), y: side('y') };
    }),
  };
}

function parseCursor(reader: ByteReader): CursorShape {
  const width = reader.u16();
  const height = reader.u16();
  return { width, height, hotX: reader.u16(), hotY: reader.u16(), rgba: reader.bytes(width * height * 4) };
}

/** Reads the body of a message as a JSON object. */
function fields(reader: ByteReader): Record<string, unknown> {
  return object(reader.json());
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) {
    throw new ProtocolError('a message holds JSON that is not an object');
  }
  return value as Record<string, unknown>;
}

/** Returns a string field; throws {@link ProtocolError} if it is missing. */
function text(body: Record<string, unknown>, name: string): string {
  const value = body[name];
  if (typeof value !== 'string') {
    throw new ProtocolError(`a message lacks its "${name}"`);
  }
  return value;
}

/** Returns a number field; throws {@link ProtocolError} if it is missing. */
function number(body: Record<string, unknown>, name: string): number {
  const value = body[name];
  if (typeof value !== 'number') {
    throw new ProtocolError(`a message lacks its "${name}"`);
  }
  return value;
}
