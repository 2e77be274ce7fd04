import { describe, expect, it } from 'vitest';
import { u16, u32 } from './byte-fixtures';
import { ByteReader } from './bytes';
import { compareHashes, hashTiles, parseTileHashes } from './tile-hashes';
import type { Pixels } from './tiles';

/** The picture that the server's tests hash as well (`display/src/tile_hashes.rs`). */
function golden(): Pixels {
  const [width, height] = [131, 66];
  const words = new Uint32Array(width * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [blue, green, red] = [x * 3 + y, x * y, x ^ (y * 5)].map((colour) => colour & 0xff) as [number, number, number];
      words[y * width + x] = (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
    }
  }
  return { width, height, words };
}

const HASHES = [
  0xc9a0da92ef615cbcn,
  0xcb39ece232c6e5fdn,
  0xd31646576194d16cn,
  0xfd38200c0999500cn,
  0xd7e47130999d3d7en,
  0xcf63b2820e3ff780n,
];

describe('tile hashes', () => {
  it('equal those that the server computes', () => {
    const { words } = hashTiles(golden());
    const hashes = HASHES.map((_, tile) => new DataView(words.buffer).getBigUint64(tile * 8, true));
    expect(hashes).toEqual(HASHES);
  });

  it('locate the tile of a single changed bit, and ignore alpha', () => {
    const picture = golden();
    const hashes = hashTiles(picture);
    expect(compareHashes(hashTiles(golden()), hashes)).toBeNull();
    for (const [x, y, tileX, tileY] of [
      [0, 0, 0, 0],
      [127, 64, 64, 64],
      [130, 65, 128, 64],
    ] as const) {
      for (let bit = 0; bit < 32; bit += 1) {
        const other = golden();
        const at = y * other.width + x;
        other.words[at] = (other.words[at] ?? 0) ^ (1 << bit);
        expect(compareHashes(hashTiles(other), hashes)).toEqual(bit < 24 ? { x: tileX, y: tileY, tiles: 1 } : null);
      }
    }
  });

  it('count the tiles that differ, and all tiles when the sizes differ', () => {
    const other = golden();
    other.words.fill(0, 0, other.width);
    expect(compareHashes(hashTiles(golden()), hashTiles(other))).toEqual({ x: 0, y: 0, tiles: 3 });
    const smaller = hashTiles({ width: 1, height: 1, words: new Uint32Array(1) });
    expect(compareHashes(hashTiles(golden()), smaller)).toEqual({ x: 0, y: 0, tiles: 6 });
  });

  it('are parsed from a message, which is rejected with a wrong number of hashes', () => {
    const bytes = [...u16(70, 10), ...u32(1, 2, 3, 0xffffffff)];
    const read = (of: number[]): unknown => parseTileHashes(new ByteReader(new Uint8Array(of)));
    expect(read(bytes)).toEqual({ width: 70, height: 10, words: new Uint32Array([1, 2, 3, 0xffffffff]) });
    expect(() => read(bytes.slice(0, -1))).toThrow('wrong number');
    expect(() => read([...bytes, 0])).toThrow('wrong number');
  });
});
