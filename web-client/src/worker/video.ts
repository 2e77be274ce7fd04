import type { VideoUpdate } from '../protocol/frame';
import { codecString } from '../protocol/h264';

/** Receiver of a decoded picture, which it must close; `null`: decoding failed. */
export type DecodedFrameSink = (picture: VideoFrame | null) => void;

/** Nominal frame duration in microseconds; Firefox rejects streams whose chunks have none. */
const FRAME_US = 16_667;

/**
 * Time without a picture after which a decoder is closed. The server ends a stream after 2 s; the difference covers
 * stalls of the connection.
 */
const IDLE_MS = 15_000;

/** Whether this browser decodes H.264; some builds of Chromium do not. */
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

/** Options of {@link VideoStreams}. */
export interface VideoOptions {
  /** Preference for hardware or software decoders (WebCodecs `HardwareAcceleration`). */
  readonly acceleration: HardwareAcceleration;
  /** Called once when video can no longer be decoded. */
  readonly onFailure: () => void;
  /** Called for a delta picture without a decoder: the decoder was closed as idle during a long stall. */
  readonly onMissing: () => void;
}

/** Video decoders of a connection, one for each stream in use. */
export class VideoStreams {
  readonly #decoders = new Map<number, StreamDecoder>();
  readonly #options: VideoOptions;
  #idleTimer: ReturnType<typeof setInterval> | undefined;
  #failed = false;

  /** Creates streams without decoders. */
  constructor(options: VideoOptions) {
    this.#options = options;
  }

  /** Whether decoding failed or the streams are closed. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Decodes an access unit; pictures of one stream are delivered in the order of the calls. */
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

  /** Closes the decoders that were not used for {@link IDLE_MS}. */
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

  /** Disables video for this connection; outstanding sinks receive `null`. */
  fail(): void {
    if (!this.#failed) {
      this.#failed = true;
      this.close();
      this.#options.onFailure();
    }
  }

  /** Closes all decoders; outstanding sinks receive `null`. */
  close(): void {
    this.#failed = true;
    this.#stopIdleTimer();
    for (const decoder of this.#decoders.values()) {
      decoder.close();
    }
    this.#decoders.clear();
  }
}

/** Decoder of one H.264 stream. */
class StreamDecoder {
  readonly #decoder: VideoDecoder;
  readonly #acceleration: HardwareAcceleration;
  readonly #fail: () => void;
  /** Sinks by the timestamp of their chunk. */
  readonly #pending = new Map<number, DecodedFrameSink>();
  /** Codec string and size of the current configuration. */
  #configured = '';
  #nextTimestamp = 0;
  #lastUsed = 0;

  /** Creates a decoder; `fail` is called at a decoding error. */
  constructor(acceleration: HardwareAcceleration, fail: () => void) {
    this.#acceleration = acceleration;
    this.#fail = fail;
    this.#decoder = new VideoDecoder({ output: (picture) => this.#deliver(picture), error: fail });
  }

  /** Time of the latest call of `decode`, in milliseconds by the worker's clock. */
  get lastUsed(): number {
    return this.#lastUsed;
  }

  /** Decodes an access unit; `sink` receives the picture, or `null`. */
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
    const configuration = `${codec} ${size}`;
    if (configuration === this.#configured) {
      return;
    }
    this.#configured = configuration;
    this.#decoder.configure({
      codec,
      optimizeForLatency: true,
      hardwareAcceleration: this.#acceleration,
      // The encoder's input is sRGB with a BT.709 matrix; the transfer function must not be converted.
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

  /** Closes the decoder; outstanding sinks receive `null`. */
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
