import type { Frame, VideoUpdate } from '../protocol/frame';
import type { Surface } from './surface';
import type { VideoStreams } from './video';
import type { Unzstd } from './zstd';

/** Where frames are painted. */
export type PaintTarget = Pick<Surface, 'width' | 'height' | 'resize' | 'copyRect' | 'putTiles' | 'drawVideo'>;

/** When a frame went through the client, by the worker's clock in milliseconds. */
export interface Presented {
  readonly frame: Frame;
  readonly receivedAt: number;
  readonly decodedAt: number;
  readonly paintedAt: number;
  readonly videoPixels: number;
  readonly losslessPixels: number;
}

/** A picture that takes this long will not come: a decoder may swallow a chunk without an error. */
const DECODE_TIMEOUT_MS = 4000;

/** A frame whose parts are being decoded; `parts` runs beside `frame.updates`. */
interface Pending {
  readonly frame: Frame;
  readonly receivedAt: number;
  readonly parts: (Uint8Array<ArrayBuffer> | VideoFrame | null)[];
  outstanding: number;
  decodedAt: number;
  onPainted: () => void;
}

/**
 * Decodes frames side by side and paints them in the order of their arrival, each as soon as it is
 * whole: waiting for an animation frame first would add up to a refresh interval, while a canvas
 * painted now is shown at the very next refresh all the same.
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

  constructor(options: {
    readonly surface: PaintTarget;
    readonly video: Pick<VideoStreams, 'decode' | 'fail'>;
    readonly unzstd: Unzstd;
    readonly onPresented: (presented: Presented) => void;
    readonly onResize: (width: number, height: number) => void;
    /** PaintTarget failed: what arrived later cannot be painted either. */
    readonly onError: (error: unknown) => void;
  }) {
    this.#surface = options.surface;
    this.#video = options.video;
    this.#unzstd = options.unzstd;
    this.#onPresented = options.onPresented;
    this.#onResize = options.onResize;
    this.#onError = options.onError;
  }

  /** Frames that are not painted yet. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Takes a frame received at `receivedAt`. Throws when its exact updates are malformed. */
  accept(frame: Frame, receivedAt: number): void {
    const pending: Pending = { frame, receivedAt, parts: [], outstanding: 1, decodedAt: receivedAt, onPainted: () => undefined };
    this.#queue.push(pending);
    // Video first: it is decoded on other threads while this one decompresses tiles.
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

  /** Calls `callback` when the picture is what the frames so far have made of it. */
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
