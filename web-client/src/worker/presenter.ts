import type { Frame, VideoUpdate } from '../protocol/frame';
import type { Surface } from './surface';
import type { VideoStreams } from './video';
import type { Unzstd } from './zstd';

/** Operations of {@link Surface} that painting needs. */
export type PaintTarget = Pick<Surface, 'width' | 'height' | 'resize' | 'copyRect' | 'putTiles' | 'drawVideo'>;

/** Record of a painted frame; times in milliseconds by the worker's clock (`performance.now()`). */
export interface Presented {
  /** Painted frame. */
  readonly frame: Frame;
  /** Time of its receipt. */
  readonly receivedAt: number;
  /** Time at which its last part was decoded. */
  readonly decodedAt: number;
  /** Time at which it was painted. */
  readonly paintedAt: number;
  /** Number of pixels painted from video. */
  readonly videoPixels: number;
  /** Number of pixels painted from lossless tiles. */
  readonly losslessPixels: number;
}

/** Time after which a frame counts as failed, in milliseconds: a decoder may drop a chunk without an error. */
const DECODE_TIMEOUT_MS = 4000;

/** Frame whose parts are being decoded; `parts` is parallel to `frame.updates`. */
interface Pending {
  readonly frame: Frame;
  readonly receivedAt: number;
  readonly parts: (Uint8Array<ArrayBuffer> | VideoFrame | null)[];
  /** Number of parts that are not decoded. */
  outstanding: number;
  decodedAt: number;
  onPainted: () => void;
}

/**
 * Queue of received frames. Frames are decoded concurrently and painted in the order of their arrival, each as soon
 * as it is complete.
 * Painting does not wait for an animation frame: that would add up to a refresh interval, while a canvas painted now
 * is composited at the next refresh in any case.
 */
export class Presenter {
  readonly #surface: PaintTarget;
  readonly #video: Pick<VideoStreams, 'decode' | 'fail'>;
  readonly #unzstd: Unzstd;
  readonly #onPresented: (presented: Presented) => void;
  readonly #onResize: (width: number, height: number) => void;
  readonly #onError: (error: unknown) => void;
  readonly #queue: Pending[] = [];
  #decodeTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** Creates an empty queue. */
  constructor(options: {
    readonly surface: PaintTarget;
    readonly video: Pick<VideoStreams, 'decode' | 'fail'>;
    readonly unzstd: Unzstd;
    /** Called after each painted frame. */
    readonly onPresented: (presented: Presented) => void;
    /** Called after the size of the screen has changed. */
    readonly onResize: (width: number, height: number) => void;
    /** Called when painting failed; later frames cannot be painted either. */
    readonly onError: (error: unknown) => void;
  }) {
    this.#surface = options.surface;
    this.#video = options.video;
    this.#unzstd = options.unzstd;
    this.#onPresented = options.onPresented;
    this.#onResize = options.onResize;
    this.#onError = options.onError;
  }

  /** Number of frames that are not painted yet. */
  get waiting(): number {
    return this.#queue.length;
  }

  /**
   * Queues a frame received at `receivedAt` (worker's clock, milliseconds) and starts decoding it. Throws {@link
   * ProtocolError} when a lossless update is malformed.
   */
  accept(frame: Frame, receivedAt: number): void {
    const pending: Pending = { frame, receivedAt, parts: [], outstanding: 1, decodedAt: receivedAt, onPainted: () => undefined };
    this.#queue.push(pending);
    // Video first: WebCodecs decodes on other threads while this thread decompresses tiles.
    frame.updates.forEach((update, index) => {
      pending.parts.push(null);
      if (update.kind === 'video') {
        this.#decode(update, pending, index);
      }
    });
    frame.updates.forEach((update, index) => {
      if (update.kind === 'lossless') {
        pending.parts[index] = this.#unzstd(update.zstd, update.rawLength);
      }
    });
    this.#partDone(pending);
  }

  /** Calls `callback` once all frames accepted so far are painted. */
  whenPainted(callback: () => void): void {
    const last = this.#queue.at(-1);
    if (last === undefined) {
      callback();
    } else {
      last.onPainted = callback;
    }
  }

  #decode(update: VideoUpdate, pending: Pending, index: number): void {
    pending.outstanding += 1;
    this.#video.decode(update, (picture) => {
      if (this.#closed) {
        picture?.close();
        return;
      }
      pending.parts[index] = picture;
      this.#partDone(pending);
    });
  }

  /** Counts a part as decoded, and paints once the frame is complete. */
  #partDone(pending: Pending): void {
    pending.outstanding -= 1;
    if (pending.outstanding === 0) {
      pending.decodedAt = performance.now();
      try {
        this.#paintReady();
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  /** Paints the complete frames at the head of the queue. */
  #paintReady(): void {
    clearTimeout(this.#decodeTimer);
    for (let head = this.#queue[0]; head?.outstanding === 0; head = this.#queue[0]) {
      this.#queue.shift();
      this.#paint(head);
      head.onPainted();
    }
    if (this.#queue.length > 0) {
      this.#decodeTimer = setTimeout(() => this.#video.fail(), DECODE_TIMEOUT_MS);
    }
  }

  #paint({ frame, parts, receivedAt, decodedAt }: Pending): void {
    const { width, height } = frame;
    if (width !== this.#surface.width || height !== this.#surface.height) {
      this.#surface.resize(width, height);
      this.#onResize(width, height);
    }
    let videoPixels = 0;
    let losslessPixels = 0;
    frame.updates.forEach((update, index) => {
      const part = parts[index];
      if (update.kind === 'copy') {
        this.#surface.copyRect(update);
      } else if (part instanceof Uint8Array) {
        losslessPixels += this.#surface.putTiles(part);
      } else if (update.kind === 'video' && part) {
        videoPixels += this.#surface.drawVideo(part, update.region, update.rects);
        part.close();
      }
    });
    this.#onPresented({ frame, receivedAt, decodedAt, paintedAt: performance.now(), videoPixels, losslessPixels });
  }

  /** Discards the queue and closes its decoded pictures. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#decodeTimer);
    for (const { parts } of this.#queue.splice(0)) {
      for (const part of parts) {
        if (part !== null && 'close' in part) {
          part.close();
        }
      }
    }
  }
}
