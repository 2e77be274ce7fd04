import { describe, expect, it } from 'vitest';
import { WheelAccumulator } from './wheel-accumulator';

describe('wheel', () => {
  it('converts a notch to 120 units in every deltaMode', () => {
    const still = { deltaX: 0, deltaMode: 0 };
    expect(new WheelAccumulator().turn({ ...still, deltaY: 53, wheelDeltaX: 0, wheelDeltaY: -120 })).toEqual({ dx: 0, dy: 120 });
    expect(new WheelAccumulator().turn({ ...still, deltaY: -100 })).toEqual({ dx: 0, dy: -120 });
    expect(new WheelAccumulator().turn({ ...still, deltaMode: 1, deltaY: 3 })).toEqual({ dx: 0, dy: 120 });
    expect(new WheelAccumulator().turn({ ...still, deltaMode: 2, deltaY: 1 })).toEqual({ dx: 0, dy: 360 });
  });

  it('keeps the direction of horizontal movement', () => {
    expect(new WheelAccumulator().turn({ deltaX: 10, deltaY: 0, deltaMode: 0 })).toEqual({ dx: 12, dy: 0 });
  });

  it('accumulates small movements', () => {
    const wheel = new WheelAccumulator();
    const turns = Array.from({ length: 10 }, () => wheel.scroll(0, 0.5));
    expect(turns[0]).toBeNull();
    expect(turns.reduce((sum, turn) => sum + (turn?.dy ?? 0), 0)).toBe(5);
  });
});
