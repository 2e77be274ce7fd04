/** Writes messages as docs/protocol.md lays them out, for tests: little-endian, one field after the other. */

export function u8(...values: number[]): number[] {
  return values.map((value) => value & 0xff);
}

export function u16(...values: number[]): number[] {
  return values.flatMap((value) => u8(value, value >> 8));
}

export function u32(...values: number[]): number[] {
  return values.flatMap((value) => u8(value, value >> 8, value >> 16, value >> 24));
}

export function text(value: string): number[] {
  return Array.from(new TextEncoder().encode(value));
}

export function buffer(...parts: readonly number[][]): ArrayBuffer {
  return new Uint8Array(parts.flat()).buffer;
}

/** One update of a frame: kind, stream, two reserved bytes, length, body. */
export function update(kind: number, stream: number, ...body: readonly number[][]): number[] {
  const bytes = body.flat();
  return [...u8(kind, stream), ...u16(0), ...u32(bytes.length), ...bytes];
}
