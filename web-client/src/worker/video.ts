import type { VideoUpdate } from '../protocol/frame';
import { codecString } from '../protocol/h264';

/** Gets the decoded picture, which it must close, or `null` when there will be none. */
export type DecodedFrameSink = (picture: VideoFrame | null) => void;

/** A nominal duration: Firefox gives up on decoders whose chunks have none. */
const FRAME_US = 16_667;

/** The server drops a stream after 2 s without a picture; this is longer by what the connection may stall. */
const IDLE_MS = 15_000;

/** Whether this browser decodes H.264 at all; some builds of Chromium do not. */
export async function h264Available(): Promise<boolean> {
  if (typeof VideoDecoder === 'undefined') {
    return false;
  }
  try {
    return (await VideoDecoder.isConfigSupported({ codec: 'avc1.42E01F' })).supported === true;
  } catch {
    return false;
  }
}

export interface VideoOptions {
  readonly acceleration: HardwareAcceleration;
  /** Video cannot be decoded any more. */
  readonly onFailure: () => void;
  /** A picture came that needs others, which were forgotten: after a stall longer than connections survive. */
  readonly onMissing: () => void;
}

/** The decoders of a connection: one for each stream that the server names, while it is in use. */
export class VideoStreams {
  readonly #decoders = new Map<number, StreamDecoder>();
  readonly #options: VideoOptions;
  #idleTimer: ReturnType<typeof setInterval> | undefined;
  #failed = false;

  constructor(options: VideoOptions) {
    this.#options = options;
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** Starts decoding; pictures of one stream arrive in the order of the calls. */
  decode(update: VideoUpdate, sink: DecodedFrameSink): void {
    if (this.#failed) {
      sink(null);
      return;
    }
    let decoder = this.#decoders.get(update.stream);
    if (decoder === undefined) {
      if (!update.key) {
        sink(null);
        this.#options.onMissing();
        return;
      }
      decoder = new StreamDecoder(this.#options.acceleration, () => this.fail());
      this.#decoders.set(update.stream, decoder);
      this.#idleTimer ??= setInterval(() => this.#closeIdle(), IDLE_MS / 3);
    }
    decoder.decode(update, sink);
  }

  /** Closes decoders that nothing was asked of for long. */
  #closeIdle(): void {
    const before = performance.now() - IDLE_MS;
    for (const [stream, decoder] of this.#decoders) {
      if (decoder.lastUsed < before) {
        decoder.close();
        this.#decoders.delete(stream);
      }
    }
    if (this.#decoders.size === 0) {
      this.#stopIdleTimer();
    }
  }

  #stopIdleTimer(): void {
    clearInterval(this.#idleTimer);
    this.#idleTimer = undefined;
  }

  /** Gives video up for this connection; everything that is still awaited gets `null`. */
  fail(): void {
    if (!this.#failed) {
      this.#failed = true;
      this.close();
      this.#options.onFailure();
    }
  }

  close(): void {
    this.#failed = true;
    this.#stopIdleTimer();
    for (const decoder of this.#decoders.values()) {
      decoder.close();
    }
    this.#decoders.clear();
  }
}

class StreamDecoder {
  readonly #decoder: VideoDecoder;
  readonly #acceleration: HardwareAcceleration;
  readonly #fail: () => void;
  readonly #pending = new Map<number, DecodedFrameSink>();
  #configured = '';
  #nextTimestamp = 0;
  #lastUsed = 0;

  constructor(acceleration: HardwareAcceleration, fail: () => void) {
    this.#acceleration = acceleration;
    this.#fail = fail;
    this.#decoder = new VideoDecoder({ output: (picture) => this.#deliver(picture), error: fail });
  }

  /** By the worker's clock. */
  get lastUsed(): number {
    return this.#lastUsed;
  }

  decode({ key, region, accessUnit }: VideoUpdate, sink: DecodedFrameSink): void {
    this.#lastUsed = performance.now();
    const timestamp = this.#nextTimestamp;
    this.#nextTimestamp += FRAME_US;
    this.#pending.set(timestamp, sink);
    try {
      if (key) {
        this.#configure(codecString(accessUnit), `${region.width}x${region.height}`);
      }
      this.#decoder.decode(
        new EncodedVideoChunk({ type: key ? 'key' : 'delta', timestamp, duration: FRAME_US, data: accessUnit }),
      );
    } catch {
      this.#fail();
    }
  }

  #configure(codec: string | null, size: string): void {
    if (codec === null) {
      throw new Error('a key frame lacks its sequence parameter set');
    }
    const wanted = `${codec} ${size}`;
    if (wanted === this.#configured) {
      return;
    }
    this.#configured = wanted;
    this.#decoder.configure({
      codec,
      optimizeForLatency: true,
      hardwareAcceleration: this.#acceleration,
      // The samples are a screen's: BT.709 matrix over sRGB, and no gamma to convert.
      colorSpace: { primaries: 'bt709', transfer: 'iec61966-2-1', matrix: 'bt709', fullRange: false },
    });
  }

  #deliver(picture: VideoFrame): void {
    const sink = this.#pending.get(picture.timestamp);
    this.#pending.delete(picture.timestamp);
    if (sink === undefined) {
      picture.close();
    } else {
      sink(picture);
    }
  }

  close(): void {
    if (this.#decoder.state !== 'closed') {
      this.#decoder.close();
    }
    const undelivered = [...this.#pending.values()];
    this.#pending.clear();
    for (const sink of undelivered) {
      sink(null);
    }
  }
}
