import { type ByteReader, ByteReader as Reader, ProtocolError, type Rect } from './bytes';

/** A rectangle of the picture before this update, moved elsewhere. */
export interface CopyUpdate {
  readonly kind: 'copy';
  readonly sourceX: number;
  readonly sourceY: number;
  readonly to: Rect;
}

/** Lossless tiles, still compressed by zstd. */
export interface ExactUpdate {
  readonly kind: 'exact';
  readonly rawLength: number;
  readonly zstd: Uint8Array<ArrayBuffer>;
}

/** One coded picture of one video stream. */
export interface VideoUpdate {
  readonly kind: 'video';
  /** Which decoder, 0 to 3. */
  readonly stream: number;
  readonly key: boolean;
  /** Where the decoded picture lies on the screen. */
  readonly region: Rect;
  /** What to take of it, in coordinates of the screen. */
  readonly take: readonly Rect[];
  /** One H.264 access unit, Annex B. */
  readonly accessUnit: Uint8Array<ArrayBuffer>;
}

export type Update = CopyUpdate | ExactUpdate | VideoUpdate;

/** One presentation unit: all of its updates appear at once. */
export interface Frame {
  readonly id: number;
  /** After this frame the picture is pixel for pixel the guest's. */
  readonly exact: boolean;
  /** A whole new picture: nothing painted before counts. */
  readonly fresh: boolean;
  readonly width: number;
  readonly height: number;
  /** The newest input that this frame answers; 0: none. */
  readonly inputSeq: number;
  readonly inputToGuestUs: number;
  readonly guestToFlushUs: number;
  readonly flushToSentUs: number;
  readonly encodeUs: number;
  readonly updates: readonly Update[];
}

const STREAMS = 4;
const CODEC_H264 = 1;

/** Parses the body of a Frame message, after its type byte. */
export function parseFrame(reader: ByteReader): Frame {
  const flags = reader.u8();
  const count = reader.u16();
  const head = {
    id: reader.u32(),
    exact: (flags & 1) !== 0,
    fresh: (flags & 2) !== 0,
    width: reader.u16(),
    height: reader.u16(),
    inputSeq: reader.u32(),
    inputToGuestUs: reader.u32(),
    guestToFlushUs: reader.u32(),
    flushToSentUs: reader.u32(),
    encodeUs: reader.u32(),
  };
  const updates: Update[] = [];
  for (let i = 0; i < count; i += 1) {
    updates.push(parseUpdate(reader));
  }
  if (reader.remaining > 0) {
    throw new ProtocolError('bytes follow the last update of a frame');
  }
  return { ...head, updates };
}

function parseUpdate(reader: ByteReader): Update {
  const kind = reader.u8();
  const stream = reader.u8();
  reader.u16();
  const body = new Reader(reader.bytes(reader.u32()));
  switch (kind) {
    case 1:
      return { kind: 'copy', sourceX: body.u16(), sourceY: body.u16(), to: body.rect() };
    case 2:
      return { kind: 'exact', rawLength: body.u32(), zstd: body.rest() };
    case 3:
      return parseVideo(stream, body);
    default:
      throw new ProtocolError(`a frame holds an update of the unknown kind ${kind}`);
  }
}

function parseVideo(stream: number, body: ByteReader): VideoUpdate {
  const codec = body.u8();
  if (codec !== CODEC_H264 || stream >= STREAMS) {
    throw new ProtocolError(`a frame holds video of codec ${codec} in stream ${stream}`);
  }
  const key = (body.u8() & 1) !== 0;
  const region = body.rect();
  const count = body.u16();
  body.u16();
  const take: Rect[] = [];
  for (let i = 0; i < count; i += 1) {
    take.push(body.rect());
  }
  return { kind: 'video', stream, key, region, take, accessUnit: body.rest() };
}
