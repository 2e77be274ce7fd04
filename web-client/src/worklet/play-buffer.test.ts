import { describe, expect, it } from 'vitest';
import { PlayBuffer } from './play-buffer';

const PACKET = 480;

function level(value: number, length = PACKET): Float32Array {
  return new Float32Array(length).fill(value);
}

function push(buffer: PlayBuffer, value: number, continuous = true): void {
  buffer.push(level(value), level(0 - value), continuous);
}

function pull(buffer: PlayBuffer, length = PACKET): Float32Array {
  const [left, right] = [new Float32Array(length), new Float32Array(length)];
  buffer.pull(left, right);
  expect(left.map((sample) => (0 - sample))).toEqual(right);
  return left;
}

/** Pushes and pulls a number of packets. */
function stream(buffer: PlayBuffer, packets: number, length = PACKET): void {
  const [left, right] = [new Float32Array(PACKET), new Float32Array(PACKET)];
  const samples = level(0.001, length);
  for (let count = 0; count < packets; count += 1) {
    buffer.push(samples, samples, true);
    buffer.pull(left, right);
  }
}

/** Creates a buffer that has started to play. */
function begun(value = 0.5): PlayBuffer {
  const buffer = new PlayBuffer();
  for (let count = 0; count < 4; count += 1) {
    push(buffer, value, count > 0);
  }
  expect(pull(buffer)).toEqual(level(value));
  push(buffer, value);
  return buffer;
}

describe('play buffer', () => {
  it('is silent until it holds 40 ms, and then plays frames in order', () => {
    const buffer = new PlayBuffer();
    for (const value of [0.1, 0.2, 0.3]) {
      push(buffer, value);
      expect(pull(buffer)).toEqual(level(0));
    }
    push(buffer, 0.4);
    expect([0, 1, 2, 3].map(() => pull(buffer)[7])).toEqual([0.1, 0.2, 0.3, 0.4].map(Math.fround));
  });

  it('increases its target after an underrun, and decreases it after half a minute', () => {
    const buffer = begun();
    for (let count = 0; count < 5; count += 1) {
      pull(buffer);
    }
    push(buffer, 0.5);
    expect(buffer.underruns).toBe(1);
    expect(buffer.targetMs).toBe(50);
    stream(buffer, 3100);
    expect(buffer.targetMs).toBe(40);
    expect(buffer.underruns).toBe(1);
  });

  it('does not count a pause as an underrun', () => {
    const buffer = begun();
    for (let count = 0; count < 5; count += 1) {
      pull(buffer);
    }
    push(buffer, 0.5, false);
    expect(buffer.underruns).toBe(0);
    expect(buffer.targetMs).toBe(40);
  });

  it('limits its filling after a burst', () => {
    const buffer = begun();
    for (let count = 0; count < 200; count += 1) {
      push(buffer, 0.5);
      expect(buffer.bufferedMs).toBeLessThanOrEqual(100);
    }
    expect(pull(buffer)).toEqual(level(0.5));
  });

  it('skips frames without a click', () => {
    const buffer = begun(0.8);
    for (let count = 0; count < 8; count += 1) {
      push(buffer, -0.8);
    }
    const played = pull(buffer);
    const steps = played.slice(1).map((sample, index) => Math.abs(sample - (played[index] ?? 0)));
    expect(Math.max(...steps)).toBeLessThan(0.01);
    expect(played.at(-1)).toBeCloseTo(-0.8);
  });

  it('returns to its target in quiet passages and leaves loud ones unchanged', () => {
    const loud = begun(0.5);
    const quiet = begun(0.001);
    for (const buffer of [loud, quiet]) {
      push(buffer, 0);
      push(buffer, 0);
      push(buffer, 0);
    }
    for (let count = 0; count < 50; count += 1) {
      push(loud, 0.5);
      push(quiet, 0.001);
      pull(loud);
      pull(quiet);
    }
    expect(quiet.bufferedMs).toBeLessThan(52);
    expect(loud.bufferedMs).toBeGreaterThan(50);
  });

  it('compensates the slow clock of a sender', () => {
    const buffer = begun(0.001);
    stream(buffer, 3000, 479);
    expect(buffer.underruns).toBe(0);
    expect(buffer.bufferedMs).toBeGreaterThan(25);
  });
});
