import { ByteReader, ProtocolError, type Rect } from './bytes';

/**
 * Picture as packed pixels in memory order red, green, blue, alpha, as in ImageData. Read as 32-bit words on a
 * little-endian machine, red is the lowest byte; every platform with a browser is little-endian.
 */
export interface Pixels {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** `width * height` pixels, row by row. */
  readonly words: Uint32Array;
}

const OPAQUE = 0xff000000;

/**
 * Decodes the tiles of one lossless update into `target` (docs/protocol.md). Returns the changed rectangles,
 * neighbours merged. Throws {@link ProtocolError} when the update is malformed.
 */
export function decodeTiles(raw: Uint8Array<ArrayBuffer>, target: Pixels): Rect[] {
  const reader = new ByteReader(raw);
  const changed = new RectMerger();
  while (reader.remaining > 0) {
    const x = reader.u16();
    const y = reader.u16();
    const width = reader.u8() + 1;
    const height = reader.u8() + 1;
    const mode = reader.u8();
    const n = reader.u8();
    if (x + width > target.width || y + height > target.height) {
      throw new ProtocolError('a tile lies outside of the screen');
    }
    const tile = { x, y, width, height };
    switch (mode) {
      case 0:
        decodeSolid(reader, tile, target);
        break;
      case 1:
        decodePalette(reader, n, tile, target);
        break;
      case 2:
        decodeTrueColour(reader, tile, target);
        break;
      default:
        throw new ProtocolError(`a tile has the unknown mode ${mode}`);
    }
    changed.add(tile);
  }
  return changed.finish();
}

/** Reads a colour of three bytes as an opaque pixel word. */
function readColour(reader: ByteReader): number {
  return (OPAQUE | reader.u8() | (reader.u8() << 8) | (reader.u8() << 16)) >>> 0;
}

/** Fills a tile with one colour. */
function decodeSolid(reader: ByteReader, tile: Rect, target: Pixels): void {
  const word = readColour(reader);
  for (let row = 0; row < tile.height; row += 1) {
    const at = (tile.y + row) * target.width + tile.x;
    target.words.fill(word, at, at + tile.width);
  }
}

/** Returns the bits of a palette index: the fewest of 1, 2, 4 and 8 that represent `n`, the highest index. */
export function paletteBits(n: number): number {
  return n <= 1 ? 1 : n <= 3 ? 2 : n <= 15 ? 4 : 8;
}

/** Decodes a tile of palette indices, packed with the most significant bits first and each row padded to a byte. */
function decodePalette(reader: ByteReader, n: number, tile: Rect, target: Pixels): void {
  if (n === 0) {
    throw new ProtocolError('a palette tile has a single colour');
  }
  const bits = paletteBits(n);
  const colours = new Uint32Array(1 << bits).fill(OPAQUE);
  for (let i = 0; i <= n; i += 1) {
    colours[i] = readColour(reader);
  }
  const stride = Math.ceil((tile.width * bits) / 8);
  const indices = reader.bytes(stride * tile.height);
  const { words } = target;
  const mask = (1 << bits) - 1;
  for (let row = 0; row < tile.height; row += 1) {
    let from = row * stride;
    let at = (tile.y + row) * target.width + tile.x;
    const end = at + tile.width;
    while (at < end) {
      const byte = indices[from] ?? 0;
      from += 1;
      for (let shift = 8 - bits; shift >= 0 && at < end; shift -= bits) {
        words[at] = colours[(byte >> shift) & mask] ?? OPAQUE;
        at += 1;
      }
    }
  }
}

/**
 * Decodes a tile of three colour planes. A byte is the difference, modulo 256, to the pixel on the left; in the first
 * column to the pixel above.
 */
function decodeTrueColour(reader: ByteReader, tile: Rect, target: Pixels): void {
  const area = tile.width * tile.height;
  const reds = reader.bytes(area);
  const greens = reader.bytes(area);
  const blues = reader.bytes(area);
  const { words } = target;
  // Values of the first column, kept across rows as the predictor of the next row.
  let firstRed = 0;
  let firstGreen = 0;
  let firstBlue = 0;
  let from = 0;
  for (let row = 0; row < tile.height; row += 1) {
    let red = firstRed;
    let green = firstGreen;
    let blue = firstBlue;
    let at = (tile.y + row) * target.width + tile.x;
    const end = at + tile.width;
    for (const first = at; at < end; at += 1) {
      red = (red + (reds[from] ?? 0)) & 0xff;
      green = (green + (greens[from] ?? 0)) & 0xff;
      blue = (blue + (blues[from] ?? 0)) & 0xff;
      from += 1;
      words[at] = OPAQUE | (blue << 16) | (green << 8) | red;
      if (at === first) {
        firstRed = red;
        firstGreen = green;
        firstBlue = blue;
      }
    }
  }
}

/**
 * Merger of tiles that arrive in reading order: along a row first, then rows of equal span. A picture that changed as
 * a whole becomes one rectangle, painted by one call.
 */
class RectMerger {
  readonly #done: Rect[] = [];
  #run: Rect | null = null;

  /** Adds a tile. */
  add(tile: Rect): void {
    const run = this.#run;
    if (run !== null && run.y === tile.y && run.height === tile.height && run.x + run.width === tile.x) {
      this.#run = { ...run, width: run.width + tile.width };
      return;
    }
    this.#finishRun();
    this.#run = tile;
  }

  /** Returns the merged rectangles. */
  finish(): Rect[] {
    this.#finishRun();
    return this.#done;
  }

  #finishRun(): void {
    const run = this.#run;
    if (run === null) {
      return;
    }
    this.#run = null;
    const above = this.#done.findLastIndex(
      (rect) => rect.x === run.x && rect.width === run.width && rect.y + rect.height === run.y,
    );
    const rect = this.#done[above];
    if (rect === undefined) {
      this.#done.push(run);
    } else {
      this.#done[above] = { ...rect, height: rect.height + run.height };
    }
  }
}
