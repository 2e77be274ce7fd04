import { type ByteReader, ProtocolError } from './bytes';
import type { Pixels } from './tiles';

const TILE = 64;
const RGB = 0xffffff;

const HIGH_SEED = 0x9e3779b9;
const HIGH_MULTIPLIER = 0x85ebca6b;
const HIGH_ROTATION = 13;
const LOW_SEED = 0x7f4a7c15;
const LOW_MULTIPLIER = 0xc2b2ae35;
const LOW_ROTATION = 17;
const ODD_COLUMNS = 0x27d4eb2f;

/** The hash of every 64x64 tile of a picture, row by row, as PROTOCOL.md defines it. */
export interface TileHashes {
  readonly width: number;
  readonly height: number;
  /** Two words for each tile, the low half first. */
  readonly words: Uint32Array;
}

/** Where two pictures differ: the corner of the first such tile, and how many there are. */
export interface Difference {
  readonly x: number;
  readonly y: number;
  readonly tiles: number;
}

export function hashTiles(pixels: Pixels): TileHashes {
  const { width, height } = pixels;
  const words = new Uint32Array(tilesOf(width, height) * 2);
  let at = 0;
  for (let y = 0; y < height; y += TILE) {
    for (let x = 0; x < width; x += TILE) {
      hashTile(pixels, x, y, words, at);
      at += 2;
    }
  }
  return { width, height, words };
}

export function tilesOf(width: number, height: number): number {
  return Math.ceil(width / TILE) * Math.ceil(height / TILE);
}

/** The tile with its corner at `x`, `y`; its hash goes to `target` from `at` on. */
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
      evenHigh = stir(evenHigh ^ even, HIGH_ROTATION, HIGH_MULTIPLIER);
      evenLow = stir(evenLow ^ even, LOW_ROTATION, LOW_MULTIPLIER);
      if (i + 1 < end) {
        const odd = (words[i + 1] ?? 0) & RGB;
        oddHigh = stir(oddHigh ^ odd, HIGH_ROTATION, HIGH_MULTIPLIER);
        oddLow = stir(oddLow ^ odd, LOW_ROTATION, LOW_MULTIPLIER);
      }
    }
  }
  target[at] = finish(evenLow + Math.imul(oddLow, ODD_COLUMNS));
  target[at + 1] = finish(evenHigh + Math.imul(oddHigh, ODD_COLUMNS));
}

function stir(lane: number, rotation: number, multiplier: number): number {
  return Math.imul((lane << rotation) | (lane >>> (32 - rotation)), multiplier);
}

/** Lets every bit depend on every other. */
function finish(half: number): number {
  let h = half | 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}

/** `null`: they do not differ. Pictures of different sizes differ everywhere. */
export function differenceOf(one: TileHashes, other: TileHashes): Difference | null {
  const { width, height, words } = one;
  if (width !== other.width || height !== other.height) {
    return { x: 0, y: 0, tiles: tilesOf(width, height) };
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

/** Parses a size and its hashes, up to the message's end. */
export function parseTileHashes(reader: ByteReader): TileHashes {
  const width = reader.u16();
  const height = reader.u16();
  const words = new Uint32Array(tilesOf(width, height) * 2);
  if (reader.remaining !== words.byteLength) {
    throw new ProtocolError('a message holds a wrong number of hashes');
  }
  for (let at = 0; at < words.length; at += 1) {
    words[at] = reader.u32();
  }
  return { width, height, words };
}
