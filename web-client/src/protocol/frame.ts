import { ByteReader, ProtocolError, type Rect } from './bytes';

/** CopyRect update: pixels of the picture as it was before this update, moved to another place. */
export interface CopyUpdate {
  readonly kind: 'copy';
  readonly sourceX: number;
  readonly sourceY: number;
  readonly to: Rect;
}

/** Lossless tiles, compressed as one zstd frame of `rawLength` decompressed bytes. */
export interface LosslessUpdate {
  readonly kind: 'lossless';
  readonly rawLength: number;
  readonly zstd: Uint8Array<ArrayBuffer>;
}

/** One H.264 access unit of one video stream, and the rectangles to show of the decoded picture. */
export interface VideoUpdate {
  readonly kind: 'video';
  /** Number of the decoder, 0 to 3. */
  readonly stream: number;
  /** Whether the access unit is a key frame, which starts the stream anew. */
  readonly key: boolean;
  /** Rectangle of the screen that the decoded picture covers. */
  readonly region: Rect;
  /** Rectangles to show of the decoded picture, in coordinates of the screen. */
  readonly rects: readonly Rect[];
  /** H.264 byte stream (ITU-T H.264 Annex B). */
  readonly accessUnit: Uint8Array<ArrayBuffer>;
}

/** One change of the picture; the updates of a frame are applied in order. */
export type Update = CopyUpdate | LosslessUpdate | VideoUpdate;

/** Frame message of the server: a presentation unit whose updates appear at once. */
export interface Frame {
  readonly id: number;
  /** Whether the picture equals the guest's framebuffer after this frame, pixel for pixel. */
  readonly lossless: boolean;
  /** Whether the frame replaces the whole picture. */
  readonly fullRefresh: boolean;
  readonly width: number;
  readonly height: number;
  /** Sequence number of the newest input that this frame answers; 0: none. */
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
    lossless: (flags & 1) !== 0,
    fullRefresh: (flags & 2) !== 0,
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
  const body = new ByteReader(reader.bytes(reader.u32()));
  switch (kind) {
    case 1:
      return { kind: 'copy', sourceX: body.u16(), sourceY: body.u16(), to: body.rect() };
    case 2:
      return { kind: 'lossless', rawLength: body.u32(), zstd: body.rest() };
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
  const rects: Rect[] = [];
  for (let i = 0; i < count; i += 1) {
    rects.push(body.rect());
  }
  return { kind: 'video', stream, key, region, rects, accessUnit: body.rest() };
}
