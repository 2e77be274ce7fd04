import { describe, expect, it } from 'vitest';
import { FramebufferMirror } from './framebuffer-mirror';

const WHOLE = { x: 0, y: 0, width: 200, height: 130 };

function setUp() {
  const words = Uint32Array.from({ length: 200 * 130 }, (_, at) => at);
  const mirror = new FramebufferMirror({ width: 200, height: 130, words });
  const at = (x: number, y: number): number => words[y * 200 + x] ?? -1;
  return { mirror, at };
}

describe('framebuffer mirror', () => {
  it('marks drawn tiles as stale until they are completely rewritten or read back', () => {
    const { mirror, at } = setUp();
    expect(mirror.staleRects(WHOLE)).toEqual([]);
    mirror.invalidate({ x: 60, y: 70, width: 10, height: 3 });
    mirror.invalidate({ x: 199, y: 129, width: 1, height: 1 });
    const tiles = [
      { x: 0, y: 64, width: 128, height: 64 },
      { x: 192, y: 128, width: 8, height: 2 },
    ];
    expect(mirror.staleRects(WHOLE)).toEqual(tiles);
    expect(mirror.staleRects({ x: 0, y: 0, width: 200, height: 64 })).toEqual([]);
    mirror.markValid({ x: 64, y: 64, width: 63, height: 64 });
    expect(mirror.staleRects(WHOLE)).toEqual(tiles);
    mirror.markValid({ x: 64, y: 64, width: 136, height: 66 });
    expect(mirror.staleRects(WHOLE)).toEqual([{ x: 0, y: 64, width: 64, height: 64 }]);
    mirror.fill({ x: 0, y: 64, width: 64, height: 64 }, new Uint32Array(64 * 64).fill(7));
    expect(mirror.staleRects(WHOLE)).toEqual([]);
    expect([at(63, 64), at(64, 64), at(0, 127), at(0, 128)]).toEqual([7, 64 * 200 + 64, 7, 128 * 200]);
  });

  it('copies overlapping rectangles in every direction', () => {
    for (const [sourceX, sourceY, x, y] of [
      [10, 10, 12, 13],
      [12, 13, 10, 10],
      [10, 10, 13, 10],
      [13, 10, 10, 10],
    ] as const) {
      const { mirror, at } = setUp();
      mirror.copyRect(sourceX, sourceY, { x, y, width: 40, height: 30 });
      for (const [dx, dy] of [[0, 0], [39, 0], [0, 29], [39, 29], [20, 15]] as const) {
        expect(at(x + dx, y + dy)).toBe((sourceY + dy) * 200 + sourceX + dx);
      }
    }
    expect(() => setUp().mirror.copyRect(170, 0, { x: 0, y: 0, width: 31, height: 1 })).toThrow('leaves the screen');
  });
});
