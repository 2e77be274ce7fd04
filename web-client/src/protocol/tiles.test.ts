import { describe, expect, it } from 'vitest';
import { u16, u8 } from './byte-fixtures';
import { ProtocolError } from './bytes';
import { paletteBits, type Pixels, decodeTiles } from './tiles';

const UNTOUCHED = 0;

function screen(width: number, height: number): Pixels {
  return { width, height, words: new Uint32Array(width * height).fill(UNTOUCHED) };
}

function tile(x: number, y: number, width: number, height: number, mode: number, n: number, ...body: number[]): number[] {
  return [...u16(x, y), ...u8(width - 1, height - 1, mode, n), ...body];
}

/** A pixel as `#rrggbb`, by way of the bytes that a canvas would read. */
function colourAt(pixels: Pixels, x: number, y: number): string {
  const [red = 0, green = 0, blue = 0, alpha] = new Uint8Array(pixels.words.buffer, (y * pixels.width + x) * 4, 4);
  expect(alpha).toBe(255);
  return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

describe('lossless tiles', () => {
  it('fills solid tiles and nothing around them', () => {
    const pixels = screen(6, 5);
    const covered = decodeTiles(new Uint8Array(tile(1, 2, 3, 2, 0, 0, 0x11, 0x22, 0x33)), pixels);
    expect(covered).toEqual([{ x: 1, y: 2, width: 3, height: 2 }]);
    expect(colourAt(pixels, 1, 2)).toBe('#112233');
    expect(colourAt(pixels, 3, 3)).toBe('#112233');
    expect(pixels.words.filter((word) => word !== UNTOUCHED)).toHaveLength(6);
  });

  it.each([
    // [colours, bits, indices of one row, bytes of that row]
    [2, 1, [1, 0, 0, 0, 1, 0, 1, 0, 1], [0b10001010, 0b10000000]],
    [4, 2, [3, 0, 1, 2, 3], [0b11000110, 0b11000000]],
    [16, 4, [15, 0, 7], [0xf0, 0x70]],
    [17, 8, [16, 0, 7], [16, 0, 7]],
  ])('decodes a palette of %i colours in %i bits, rows padded to bytes', (count, bits, indices, row) => {
    expect(paletteBits(count - 1)).toBe(bits);
    const colours = Array.from({ length: count }, (_, i) => [i, 100 + i, 200]).flat();
    const pixels = screen(indices.length, 2);
    decodeTiles(new Uint8Array(tile(0, 0, indices.length, 2, 1, count - 1, ...colours, ...row, ...row)), pixels);
    for (const y of [0, 1]) {
      const reds = indices.map((_, x) => Number.parseInt(colourAt(pixels, x, y).slice(1, 3), 16));
      expect(reds).toEqual(indices);
    }
  });

  it('decodes the differences of true colour modulo 256', () => {
    // Reds 250, 4 above 10, 5; greens and blues constant.
    const reds = u8(250, 4 - 250, 10 - 250, 5 - 10);
    const greens = u8(7, 0, 0, 0);
    const blues = u8(9, 0, 0, 0);
    const pixels = screen(2, 2);
    decodeTiles(new Uint8Array(tile(0, 0, 2, 2, 2, 0, ...reds, ...greens, ...blues)), pixels);
    expect([colourAt(pixels, 0, 0), colourAt(pixels, 1, 0)]).toEqual(['#fa0709', '#040709']);
    expect([colourAt(pixels, 0, 1), colourAt(pixels, 1, 1)]).toEqual(['#0a0709', '#050709']);
  });

  it('merges neighbours in a row, and rows of equal span', () => {
    const solid = (x: number, y: number): number[] => tile(x, y, 2, 2, 0, 0, 1, 2, 3);
    const page = [solid(0, 0), solid(2, 0), solid(4, 0), solid(0, 2), solid(2, 2), solid(4, 2), solid(0, 4)];
    expect(decodeTiles(new Uint8Array(page.flat()), screen(6, 6))).toEqual([
      { x: 0, y: 0, width: 6, height: 4 },
      { x: 0, y: 4, width: 2, height: 2 },
    ]);
  });

  it.each([
    ['beyond the right edge', tile(3, 0, 2, 1, 0, 0, 1, 2, 3)],
    ['beyond the lower edge', tile(0, 3, 1, 2, 0, 0, 1, 2, 3)],
    ['of an unknown mode', tile(0, 0, 1, 1, 3, 0, 1, 2, 3)],
    ['with a palette of one colour', tile(0, 0, 1, 1, 1, 0, 1, 2, 3, 0)],
    ['cut short', tile(0, 0, 2, 2, 2, 0, 1, 2, 3)],
  ])('rejects a tile %s', (_name, bytes) => {
    expect(() => decodeTiles(new Uint8Array(bytes), screen(4, 4))).toThrow(ProtocolError);
  });
});
