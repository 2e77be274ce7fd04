import { describe, expect, it } from 'vitest';
import { monitorConfigFor } from './monitor-config';

describe('monitor configuration for a window', () => {
  it('has the window’s device pixels and density', () => {
    const plain = monitorConfigFor({ width: 1920, height: 1080, ratio: 1 }, { x: 0, y: 0 }, 1);
    expect(plain).toEqual({ width: 1920, height: 1080, x: 0, y: 0, dpi: 96 });
    const dense = monitorConfigFor({ width: 2562, height: 1441, ratio: 1.5 }, { x: -2562, y: 0 }, 1);
    expect(dense).toEqual({ width: 2562, height: 1441, x: -2562, y: 0, dpi: 144 });
  });

  it('has fewer and larger pixels with a magnification', () => {
    const larger = (ratio: number, by: number) => monitorConfigFor({ width: 2561, height: 1440, ratio }, { x: 0, y: 0 }, by);
    expect(larger(2, 2)).toEqual({ width: 1280, height: 720, x: 0, y: 0, dpi: 96 });
    expect(larger(2, 1.5)).toEqual({ width: 1707, height: 960, x: 0, y: 0, dpi: 128 });
    expect(larger(1, 2).dpi).toBe(96);
  });
});
