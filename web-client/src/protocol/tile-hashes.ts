import { type ByteReader, ProtocolError } from './bytes';
import type { Pixels } from './tiles';

/** Side of a tile in pixels. */
const TILE = 64;
/** Mask of the colour in a pixel word; alpha is not hashed. */
const RGB = 0xffffff;

const HIGH_SEED = 0x9e3779b9;
const HIGH_MULTIPLIER = 0x85ebca6b;
const HIGH_ROTATION = 13;
const LOW_SEED = 0x7f4a7c15;
const LOW_MULTIPLIER = 0xc2b2ae35;
const LOW_ROTATION = 17;
const ODD_COLUMNS = 0x27d4eb2f;

/** Hashes of the 64x64 tiles of a picture, row by row (docs/protocol.md, "Tile hashes"). */
export interface TileHashes {
  /** Width of the picture in pixels. */
  readonly width: number;
  /** Height of the picture in pixels. */
  readonly height: number;
  /** Two 32-bit words for each tile, the low half first. */
  readonly words: Uint32Array;
}

/** Result of a comparison: position of the first tile that differs, and the number of tiles that do. */
export interface HashMismatch {
  /** Left edge of the first differing tile in pixels. */
  readonly x: number;
  /** Top edge of the first differing tile in pixels. */
  readonly y: number;
  /** Number of differing tiles. */
  readonly tiles: number;
}

/** Computes the hash of each tile of a picture. */
export function hashTiles(pixels: Pixels): TileHashes {
  const { width, height } = pixels;
  const words = new Uint32Array(tileCount(width, height) * 2);
  let at = 0;
  for (let y = 0; y < height; y += TILE) {
    for (let x = 0; x < width; x += TILE) {
      hashTile(pixels, x, y, words, at);
      at += 2;
    }
  }
  return { width, height, words };
}

/** Computes the number of 64x64 tiles that cover a picture; those at the right and bottom edge may be smaller. */
export function tileCount(width: number, height: number): number {
  return Math.ceil(width / TILE) * Math.ceil(height / TILE);
}

/** Hashes the tile whose upper left corner is `x`, `y` into two words of `target` from `at` on. */
function hashTile({ words, width, height }: Pixels, x: number, y: number, target: Uint32Array, at: number): void {
  let evenHigh = HIGH_SEED;
  let oddHigh = HIGH_SEED;
  let evenLow = LOW_SEED;
  let oddLow = LOW_SEED;
  const right = Math.min(x + TILE, width);
  const bottom = Math.min(y + TILE, height);
  for (let row = y; row < bottom; row += 1) {
    const end = row * width + right;
    for (let i = row * width + x; i < end; i += 2) {
      const even = (words[i] ?? 0) & RGB;
      evenHigh = mixLane(evenHigh ^ even, HIGH_ROTATION, HIGH_MULTIPLIER);
      evenLow = mixLane(evenLow ^ even, LOW_ROTATION, LOW_MULTIPLIER);
      if (i + 1 < end) {
        const odd = (words[i + 1] ?? 0) & RGB;
        oddHigh = mixLane(oddHigh ^ odd, HIGH_ROTATION, HIGH_MULTIPLIER);
        oddLow = mixLane(oddLow ^ odd, LOW_ROTATION, LOW_MULTIPLIER);
      }
    }
  }
  target[at] = finalize(evenLow + Math.imul(oddLow, ODD_COLUMNS));
  target[at + 1] = finalize(evenHigh + Math.imul(oddHigh, ODD_COLUMNS));
}

/** Mixes one lane: rotation, then multiplication modulo 2^32. */
function mixLane(lane: number, rotation: number, multiplier: number): number {
  return Math.imul((lane << rotation) | (lane >>> (32 - rotation)), multiplier);
}

/** Final avalanche: every bit of the hash depends on every bit of the lane. */
function finalize(half: number): number {
  let h = half | 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}

/**
 * Compares the hashes of two pictures; returns `null` when they are equal. Pictures of different sizes differ in
 * every tile.
 */
export function compareHashes(one: TileHashes, other: TileHashes): HashMismatch | null {
  const { width, height, words } = one;
  if (width !== other.width || height !== other.height) {
    return { x: 0, y: 0, tiles: tileCount(width, height) };
  }
  const columns = Math.ceil(width / TILE);
  let first: number | null = null;
  let tiles = 0;
  for (let at = 0; at < words.length; at += 2) {
    if (words[at] !== other.words[at] || words[at + 1] !== other.words[at + 1]) {
      first ??= at / 2;
      tiles += 1;
    }
  }
  return first === null ? null : { x: (first % columns) * TILE, y: Math.floor(first / columns) * TILE, tiles };
}

/**
 * Parses a size and tile hashes up to the end of a message. Throws {@link ProtocolError} when their number does not
 * fit the size.
 */
export function parseTileHashes(reader: ByteReader): TileHashes {
  const width = reader.u16();
  const height = reader.u16();
  const words = new Uint32Array(tileCount(width, height) * 2);
  if (reader.remaining !== words.byteLength) {
    throw new ProtocolError('a message holds a wrong number of hashes');
  }
  for (let at = 0; at < words.length; at += 1) {
    words[at] = reader.u32();
  }
  return { width, height, words };
}
