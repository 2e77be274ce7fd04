import { describe, expect, it } from 'vitest';
import { cropsFor } from './video-crops';

const SCREEN = { x: 0, y: 0, width: 1921, height: 1080 };
const tile = (x: number, y: number) => ({ x, y, width: 64, height: 64 });

describe('crops of a decoded picture', () => {
  it('are as small as the listed rectangles', () => {
    const rects = { x: 512, y: 256, width: 640, height: 368 };
    expect(cropsFor(SCREEN, [rects])).toEqual([{ source: rects, clip: [rects] }]);
  });

  it('are joined for close rectangles and separate for distant ones', () => {
    const close = [tile(0, 0), tile(128, 0)];
    expect(cropsFor(SCREEN, close)).toEqual([{ source: { x: 0, y: 0, width: 192, height: 64 }, clip: close }]);
    const separate = [tile(0, 0), tile(1792, 960)];
    expect(cropsFor(SCREEN, separate)).toEqual(separate.map((rect) => ({ source: rect, clip: [rect] })));
  });

  it('have even offsets in the picture and end at its edge', () => {
    const region = { x: 33, y: 7, width: 101, height: 51 };
    expect(cropsFor(region, [{ x: 34, y: 7, width: 3, height: 2 }])[0]?.source).toEqual({ x: 33, y: 7, width: 4, height: 2 });
    expect(cropsFor(region, [{ x: 100, y: 50, width: 34, height: 8 }])[0]?.source).toEqual({ x: 99, y: 49, width: 35, height: 9 });
  });

  it('are empty without rectangles', () => {
    expect(cropsFor(SCREEN, [])).toEqual([]);
  });
});
