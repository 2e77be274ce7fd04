import { describe, expect, it } from 'vitest';
import { wantedFor } from './wanted-screen';

describe('the screen that fits a window', () => {
  it('has its device pixels and its density', () => {
    const plain = wantedFor({ width: 1920, height: 1080, ratio: 1 }, { x: 0, y: 0 });
    expect(plain).toEqual({ width: 1920, height: 1080, x: 0, y: 0, dpi: 96 });
    const dense = wantedFor({ width: 2562, height: 1441, ratio: 1.5 }, { x: -2562, y: 0 });
    expect(dense).toEqual({ width: 2562, height: 1441, x: -2562, y: 0, dpi: 144 });
  });
});
