import { describe, expect, it } from 'vitest';
import type { Frame, Update } from '../protocol/frame';
import type { Presented } from './presenter';
import { spread, StatsCollector } from './stats';

const AUDIO = { packets: 0, missing: 0, bufferMs: 0, underruns: 0 };
const REST = { width: 8, height: 8, inFlight: 0, h264: 'decoding', videoOnly: false, unknownMessages: 0, audio: AUDIO } as const;

const COPY: Update = { kind: 'copy', sourceX: 0, sourceY: 0, to: { x: 4, y: 4, width: 4, height: 4 } };

function answered(inputSeq: number, receivedAt: number, paintedAt: number, updates: readonly Update[] = [COPY]): Presented {
  const frame: Frame = {
    id: 1,
    lossless: true,
    fullRefresh: false,
    width: 8,
    height: 8,
    inputSeq,
    inputToGuestUs: 1000,
    guestToFlushUs: 2000,
    flushToSentUs: 3000,
    encodeUs: 2500,
    updates,
  };
  return { frame, receivedAt, decodedAt: receivedAt, paintedAt, videoPixels: 30, losslessPixels: 10 };
}

describe('statistics', () => {
  it('splits the latency of an input into stages that add up to the total', () => {
    const collector = new StatsCollector();
    collector.roundTrip(6);
    collector.roundTrip(10);
    collector.input(5, 1000);
    collector.presented(answered(5, 1016, 1020));
    const [sample] = collector.snapshot(1021, REST).samples;
    expect(sample).toEqual({
      seq: 5,
      inputToGuest: 1,
      guestToFlush: 2,
      flushToSent: 3,
      sentToPresented: 3 + 4,
      toServer: 20 - 1 - 2 - 3 - 7,
      total: 20,
    });
  });

  it('limits the way back to the measured time when the pings were slower', () => {
    const collector = new StatsCollector();
    collector.roundTrip(900);
    collector.input(5, 1000);
    collector.presented(answered(5, 1016, 1020));
    expect(collector.snapshot(1021, REST).samples[0]).toMatchObject({ toServer: 0, sentToPresented: 14, total: 20 });
  });

  it('counts an input once, by the first frame that answers it', () => {
    const collector = new StatsCollector();
    collector.input(1, 1000);
    collector.presented(answered(1, 1010, 1011));
    collector.presented(answered(1, 1500, 1501));
    collector.presented(answered(0, 1600, 1601));
    expect(collector.snapshot(1700, REST).samples).toHaveLength(1);
  });

  it('keeps the result of a comparison until the next painted frame', () => {
    const collector = new StatsCollector();
    collector.presented(answered(0, 1000, 1001));
    expect(collector.snapshot(1002, REST).hashCheck).toBeNull();
    collector.compared(null);
    expect(collector.snapshot(1002, REST).hashCheck).toBe('same');
    collector.compared({ x: 64, y: 0, tiles: 2 });
    expect(collector.snapshot(1002, REST).hashCheck).toEqual({ x: 64, y: 0, tiles: 2 });
    collector.presented(answered(0, 1003, 1004));
    expect(collector.snapshot(1005, REST).hashCheck).toBeNull();
  });

  it('keeps the result of the hash comparison after a frame without updates', () => {
    const collector = new StatsCollector();
    collector.presented(answered(0, 1000, 1001));
    collector.compared(null);
    collector.presented(answered(0, 1002, 1003, []));
    expect(collector.snapshot(1004, REST).hashCheck).toBe('same');
  });

  it('drops frames and bytes after five seconds, but not the totals of the connection', () => {
    const collector = new StatsCollector();
    collector.message(1000, 5000);
    collector.presented(answered(0, 1000, 1001));
    expect(collector.snapshot(2000, REST)).toMatchObject({ bytesPerSecond: 1000, framesPerSecond: 0.2, videoShare: 0.75 });
    expect(collector.snapshot(9000, REST)).toMatchObject({
      bytesPerSecond: 0,
      framesPerSecond: 0,
      bytesReceived: 5000,
      framesPainted: 1,
    });
  });

  it('computes percentiles by nearest rank', () => {
    expect(spread([])).toBeNull();
    expect(spread([4])).toEqual({ p50: 4, p95: 4 });
    expect(spread(Array.from({ length: 200 }, (_, i) => 200 - i))).toEqual({ p50: 100, p95: 190 });
  });
});
