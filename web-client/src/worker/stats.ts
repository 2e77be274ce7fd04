import type { HashMismatch } from '../protocol/tile-hashes';
import { type LatencySample, type Spread, STAGES, type Stage, type Stats } from './messages';
import type { Presented } from './presenter';

const WINDOW_MS = 5000;
const SAMPLES_KEPT = 512;
const INPUTS_KEPT = 1024;
const PINGS_KEPT = 8;

interface FrameRecord {
  readonly at: number;
  readonly decodeMs: number;
  readonly presentMs: number;
  readonly encodeMs: number;
  readonly videoPixels: number;
  readonly losslessPixels: number;
}

/** The 50th and 95th percentile by nearest rank; `null` of nothing. */
export function spread(values: readonly number[]): Spread | null {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (share: number): number | undefined => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  const p50 = rank(0.5);
  const p95 = rank(0.95);
  return p50 === undefined || p95 === undefined ? null : { p50, p95 };
}

/**
 * What the overlay shows of one connection. All times are in milliseconds by the worker's clock
 * (`performance.now()`).
 *
 * An input's latency runs from the browser's event to the moment the frame that answers it is
 * painted. The server measures the stages from the input's receipt to the frame's hand-over to its
 * socket. The way back is taken as half of the quickest of the last round trips, and the way there
 * is what remains of the total, so a slow upward path shows up in `toServer`.
 */
export class StatsCollector {
  #frames: FrameRecord[] = [];
  #received: { readonly at: number; readonly bytes: number }[] = [];
  readonly #samples: { readonly at: number; readonly sample: LatencySample }[] = [];
  readonly #inputs = new Map<number, number>();
  readonly #roundTrips: number[] = [];
  #newestAnswered = 0;
  #framesPainted = 0;
  #bytesReceived = 0;
  #lossless = false;
  #hashCheck: Stats['hashCheck'] = null;

  input(seq: number, at: number): void {
    this.#inputs.set(seq, at);
    this.#inputs.delete(seq - INPUTS_KEPT);
  }

  message(at: number, bytes: number): void {
    this.#received.push({ at, bytes });
    this.#bytesReceived += bytes;
  }

  roundTrip(ms: number): void {
    this.#roundTrips.push(ms);
    if (this.#roundTrips.length > PINGS_KEPT) {
      this.#roundTrips.shift();
    }
  }

  presented({ frame, receivedAt, decodedAt, paintedAt, videoPixels, losslessPixels }: Presented): void {
    this.#framesPainted += 1;
    this.#lossless = frame.lossless;
    this.#hashCheck = null;
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
    const onTheWay = Math.max(
      0,
      total - inClient - onServer.inputToGuest - onServer.guestToFlush - onServer.flushToSent,
    );
    // No more than there was, though the pings so far were slower.
    const back = Math.min(this.#halfRoundTrip(), onTheWay);
    const stages = { toServer: onTheWay - back, ...onServer, sentToPresented: back + inClient };
    this.#samples.push({ at: paintedAt, sample: { seq: frame.inputSeq, ...stages, total } });
    if (this.#samples.length > SAMPLES_KEPT) {
      this.#samples.shift();
    }
  }

  /** The picture was compared with the server's. */
  compared(difference: HashMismatch | null): void {
    this.#hashCheck = difference ?? 'same';
  }

  #halfRoundTrip(): number {
    return this.#roundTrips.length === 0 ? 0 : Math.min(...this.#roundTrips) / 2;
  }

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

  /** Drops what no snapshot will ask for; to be called now and then while nobody looks. */
  trim(now: number): void {
    this.#frames = this.#frames.filter(({ at }) => at > now - WINDOW_MS);
    this.#received = this.#received.filter(({ at }) => at > now - WINDOW_MS);
  }
}

function byStage(samples: readonly LatencySample[]): Record<Stage, Spread> | null {
  if (samples.length === 0) {
    return null;
  }
  const none = { p50: 0, p95: 0 };
  const entries = STAGES.map((stage) => [stage, spread(samples.map((sample) => sample[stage])) ?? none] as const);
  return Object.fromEntries(entries) as Record<Stage, Spread>;
}
