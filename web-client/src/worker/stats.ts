import type { HashMismatch } from '../protocol/tile-hashes';
import { type LatencySample, type Spread, STAGES, type Stage, type Stats } from './messages';
import type { Presented } from './presenter';

/** Time span of the statistics in milliseconds. */
const WINDOW_MS = 5000;
/** Number of latency samples kept. */
const SAMPLES_KEPT = 512;
/** Number of inputs whose time is kept until a frame answers them. */
const INPUTS_KEPT = 1024;
/** Number of round-trip times kept. */
const PINGS_KEPT = 8;

/** Times and pixels of one painted frame; `at` by the worker's clock, all times in milliseconds. */
interface FrameRecord {
  readonly at: number;
  readonly decodeMs: number;
  readonly presentMs: number;
  readonly encodeMs: number;
  readonly videoPixels: number;
  readonly losslessPixels: number;
}

/** Computes the 50th and 95th percentile by nearest rank; `null` without values. */
export function spread(values: readonly number[]): Spread | null {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (share: number): number | undefined => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  const p50 = rank(0.5);
  const p95 = rank(0.95);
  return p50 === undefined || p95 === undefined ? null : { p50, p95 };
}

/**
 * Collector of the statistics of one connection. All times are in milliseconds by the worker's clock
 * (`performance.now()`).
 * An input's latency is measured from the DOM event to the painting of the frame that answers it. The server measures
 * the stages from the input's receipt to the frame's hand-over to its socket. The way back is half of the shortest
 * recent round trip; the rest of the total is `toServer`, which therefore contains the delay of a slow uplink.
 */
export class StatsCollector {
  #frames: FrameRecord[] = [];
  #received: { readonly at: number; readonly bytes: number }[] = [];
  readonly #samples: { readonly at: number; readonly sample: LatencySample }[] = [];
  /** Times of inputs by sequence number. */
  readonly #inputs = new Map<number, number>();
  readonly #roundTrips: number[] = [];
  #newestAnswered = 0;
  #framesPainted = 0;
  #bytesReceived = 0;
  #lossless = false;
  #hashCheck: Stats['hashCheck'] = null;

  /** Records the time at which an input happened. */
  input(seq: number, at: number): void {
    this.#inputs.set(seq, at);
    this.#inputs.delete(seq - INPUTS_KEPT);
  }

  /** Records a received message and its length in bytes. */
  message(at: number, bytes: number): void {
    this.#received.push({ at, bytes });
    this.#bytesReceived += bytes;
  }

  /** Records a round-trip time. */
  roundTrip(ms: number): void {
    this.#roundTrips.push(ms);
    if (this.#roundTrips.length > PINGS_KEPT) {
      this.#roundTrips.shift();
    }
  }

  /** Records a painted frame, and a latency sample if it is the first to answer an input. */
  presented({ frame, receivedAt, decodedAt, paintedAt, videoPixels, losslessPixels }: Presented): void {
    this.#framesPainted += 1;
    this.#lossless = frame.lossless;
    if (frame.updates.length > 0) {
      // A frame without updates only requests an acknowledgement; the server sends no hashes after it.
      this.#hashCheck = null;
    }
    this.#frames.push({
      at: paintedAt,
      decodeMs: decodedAt - receivedAt,
      presentMs: paintedAt - receivedAt,
      encodeMs: frame.encodeUs / 1000,
      videoPixels,
      losslessPixels,
    });
    const inputAt = this.#inputs.get(frame.inputSeq);
    if (frame.inputSeq <= this.#newestAnswered || inputAt === undefined) {
      return;
    }
    this.#newestAnswered = frame.inputSeq;
    const total = paintedAt - inputAt;
    const onServer = {
      inputToGuest: frame.inputToGuestUs / 1000,
      guestToFlush: frame.guestToFlushUs / 1000,
      flushToSent: frame.flushToSentUs / 1000,
    };
    const inClient = paintedAt - receivedAt;
    const onNetwork = Math.max(
      0,
      total - inClient - onServer.inputToGuest - onServer.guestToFlush - onServer.flushToSent,
    );
    // The round trips so far may have been slower than this frame.
    const back = Math.min(this.#halfRoundTrip(), onNetwork);
    const stages = { toServer: onNetwork - back, ...onServer, sentToPresented: back + inClient };
    this.#samples.push({ at: paintedAt, sample: { seq: frame.inputSeq, ...stages, total } });
    if (this.#samples.length > SAMPLES_KEPT) {
      this.#samples.shift();
    }
  }

  /** Records the result of comparing the picture with the server's hashes. */
  compared(difference: HashMismatch | null): void {
    this.#hashCheck = difference ?? 'same';
  }

  #halfRoundTrip(): number {
    return this.#roundTrips.length === 0 ? 0 : Math.min(...this.#roundTrips) / 2;
  }

  /** Returns the statistics at `now`; `rest` are the fields that are not collected here. */
  snapshot(
    now: number,
    rest: Pick<Stats, 'width' | 'height' | 'inFlight' | 'h264' | 'videoOnly' | 'unknownMessages' | 'audio'>,
  ): Stats {
    const recent = <T extends { readonly at: number }>(records: readonly T[]): T[] =>
      records.filter(({ at }) => at > now - WINDOW_MS);
    this.#frames = recent(this.#frames);
    this.#received = recent(this.#received);
    const samples = recent(this.#samples).map(({ sample }) => sample);
    const sum = (pick: (record: FrameRecord) => number): number =>
      this.#frames.reduce((total, record) => total + pick(record), 0);
    const videoPixels = sum((record) => record.videoPixels);
    const allPixels = videoPixels + sum((record) => record.losslessPixels);
    return {
      ...rest,
      framesPerSecond: (this.#frames.length * 1000) / WINDOW_MS,
      bytesPerSecond: (this.#received.reduce((total, { bytes }) => total + bytes, 0) * 1000) / WINDOW_MS,
      videoShare: allPixels === 0 ? 0 : videoPixels / allPixels,
      lossless: this.#lossless,
      hashCheck: this.#hashCheck,
      roundTripMs: this.#roundTrips.at(-1) ?? null,
      decodeMs: spread(this.#frames.map((record) => record.decodeMs)),
      presentMs: spread(this.#frames.map((record) => record.presentMs)),
      encodeMs: spread(this.#frames.map((record) => record.encodeMs)),
      latency: byStage(samples),
      framesPainted: this.#framesPainted,
      bytesReceived: this.#bytesReceived,
      samples: this.#samples.map(({ sample }) => sample),
    };
  }

  /** Drops expired records; called periodically, since no snapshot is taken while the overlay is hidden. */
  trim(now: number): void {
    this.#frames = this.#frames.filter(({ at }) => at > now - WINDOW_MS);
    this.#received = this.#received.filter(({ at }) => at > now - WINDOW_MS);
  }
}

/** Computes the percentiles of each stage; `null` without samples. */
function byStage(samples: readonly LatencySample[]): Record<Stage, Spread> | null {
  if (samples.length === 0) {
    return null;
  }
  const none = { p50: 0, p95: 0 };
  const entries = STAGES.map((stage) => [stage, spread(samples.map((sample) => sample[stage])) ?? none] as const);
  return Object.fromEntries(entries) as Record<Stage, Spread>;
}
