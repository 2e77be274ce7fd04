import { ByteReader, ProtocolError, type Rect } from './bytes';

/** CopyRect update: copies a rectangle of the picture to another position, as in RFB (RFC 6143, section 7.7.2). */
export interface CopyUpdate {
  /** Discriminator. */
  readonly kind: 'copy';
  /** Left edge of the source in pixels. */
  readonly sourceX: number;
  /** Top edge of the source in pixels. */
  readonly sourceY: number;
  /** Destination; the source has the same size. */
  readonly to: Rect;
}

/** Lossless update: tiles compressed as one zstd frame (RFC 8878). */
export interface LosslessUpdate {
  /** Discriminator. */
  readonly kind: 'lossless';
  /** Decompressed length in bytes. */
  readonly rawLength: number;
  /** Compressed tiles. */
  readonly zstd: Uint8Array<ArrayBuffer>;
}

/** Video update: one H.264 access unit of one stream, and the rectangles of the decoded picture to show. */
export interface VideoUpdate {
  /** Discriminator. */
  readonly kind: 'video';
  /** Number of the stream and of its decoder, 0 to 3. */
  readonly stream: number;
  /** Whether the access unit is a key frame, which begins a coded sequence. */
  readonly key: boolean;
  /** Rectangle of the screen that the decoded picture covers. */
  readonly region: Rect;
  /** Rectangles to show of the decoded picture, in coordinates of the screen. */
  readonly rects: readonly Rect[];
  /** Access unit in byte stream format (ITU-T H.264, Annex B). */
  readonly accessUnit: Uint8Array<ArrayBuffer>;
}

/** Change of the picture; the updates of a frame are applied in order. */
export type Update = CopyUpdate | LosslessUpdate | VideoUpdate;

/** Frame message of the server: updates that are presented together. */
export interface Frame {
  /** Number of the frame, which Ack repeats. */
  readonly id: number;
  /** Whether the picture equals the guest's framebuffer after this frame, pixel for pixel. */
  readonly lossless: boolean;
  /** Whether the updates cover the whole picture. */
  readonly fullRefresh: boolean;
  /** Width of the screen in pixels. */
  readonly width: number;
  /** Height of the screen in pixels. */
  readonly height: number;
  /** Sequence number of the newest input that this frame answers; 0: none. */
  readonly inputSeq: number;
  /** Time from the input's receipt to its visibility in the guest's queue, in microseconds. */
  readonly inputToGuestUs: number;
  /** Time from there to the guest's flush, in microseconds. */
  readonly guestToFlushUs: number;
  /** Time from the flush to the frame's hand-over to the socket, in microseconds. */
  readonly flushToSentUs: number;
  /** Part of `flushToSentUs` that comparing and encoding took, in microseconds. */
  readonly encodeUs: number;
  /** Updates in the order of their application. */
  readonly updates: readonly Update[];
}

/** Number of video streams of a connection. */
const STREAMS = 4;
const CODEC_H264 = 1;

/** Parses the body of a Frame message, after its kind byte. Throws `ProtocolError` when it is malformed. */
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
