import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TouchGestures } from './touch-gestures';

function record(): { readonly touch: TouchGestures; readonly log: string[] } {
  const log: string[] = [];
  const touch = new TouchGestures({
    move: (x, y) => log.push(`to ${x},${y}`),
    button: (button, down) => log.push(`${down ? '+' : '-'}${button}`),
    scroll: (dx, dy) => log.push(`scroll ${dx},${dy}`),
    magnify: (factor, about, by) => log.push(`x${factor} at ${about.x},${about.y} by ${by.x},${by.y}`),
  });
  return { touch, log };
}

const finger = (id: number, x: number, y: number): { id: number; x: number; y: number } => ({ id, x, y });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('touch gestures', () => {
  it('click at the end of a tap', () => {
    const { touch, log } = record();
    touch.down(finger(1, 10, 10));
    touch.move(finger(1, 12, 11));
    touch.up(finger(1, 12, 11));
    expect(log).toEqual(['to 12,11', '+0', '-0']);
  });

  it('press the right button after a long press', () => {
    const { touch, log } = record();
    touch.down(finger(1, 10, 10));
    vi.advanceTimersByTime(600);
    touch.up(finger(1, 10, 10));
    expect(log).toEqual(['to 10,10', '+2', '-2']);
  });

  it('drag from the start of the contact', () => {
    const { touch, log } = record();
    touch.down(finger(1, 10, 10));
    touch.move(finger(1, 40, 10));
    vi.advanceTimersByTime(600);
    touch.move(finger(1, 50, 10));
    touch.up(finger(1, 50, 10));
    expect(log).toEqual(['to 10,10', '+0', 'to 40,10', 'to 50,10', '-0']);
  });

  it('scroll by two fingers in their direction, without a click afterwards', () => {
    const { touch, log } = record();
    touch.down(finger(1, 10, 100));
    touch.down(finger(2, 50, 100));
    touch.move(finger(1, 10, 80));
    touch.move(finger(2, 50, 80));
    touch.up(finger(1, 10, 80));
    touch.move(finger(2, 90, 80));
    touch.up(finger(2, 90, 80));
    expect(log).toEqual(['to 50,100', 'scroll 0,30', 'scroll 0,30']);
  });

  it('magnify and move by two fingers that spread', () => {
    const { touch, log } = record();
    touch.down(finger(1, 100, 100));
    touch.down(finger(2, 140, 100));
    touch.move(finger(2, 145, 100));
    touch.move(finger(2, 180, 100));
    touch.move(finger(1, 120, 110));
    touch.move(finger(2, 200, 110));
    touch.up(finger(1, 120, 110));
    touch.up(finger(2, 200, 110));
    expect(log[0]).toBe('to 140,100');
    expect(log[1]).toBe('x2 at 140,100 by 20,0');
    expect(log.at(-1)).toContain('at 160,110 by 10,5');
    expect(log.some((entry) => /scroll|[+-]/.test(entry))).toBe(false);
  });
});
