/** Test fixtures: encodes fields as docs/protocol.md lays them out, little-endian. */

/** Encodes 8-bit integers. */
export function u8(...values: number[]): number[] {
  return values.map((value) => value & 0xff);
}

/** Encodes 16-bit integers. */
export function u16(...values: number[]): number[] {
  return values.flatMap((value) => u8(value, value >> 8));
}

/** Encodes 32-bit integers. */
export function u32(...values: number[]): number[] {
  return values.flatMap((value) => u8(value, value >> 8, value >> 16, value >> 24));
}

/** Encodes text as UTF-8. */
export function text(value: string): number[] {
  return Array.from(new TextEncoder().encode(value));
}

/** Concatenates encoded fields to a message. */
export function buffer(...parts: readonly number[][]): ArrayBuffer {
  return new Uint8Array(parts.flat()).buffer;
}

/** Encodes one update of a frame: kind, stream, two reserved bytes, length, body. */
export function update(kind: number, stream: number, ...body: readonly number[][]): number[] {
  const bytes = body.flat();
  return [...u8(kind, stream), ...u16(0), ...u32(bytes.length), ...bytes];
}
