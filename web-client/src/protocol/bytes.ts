/** Error thrown when a message of the server violates docs/protocol.md. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** Rectangle in pixels of the guest's screen, origin at the top left. */
export interface Rect {
  /** Left edge in pixels. */
  readonly x: number;
  /** Top edge in pixels. */
  readonly y: number;
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
}

/** Reader of the little-endian fields of one message. Every read past the end throws {@link ProtocolError}. */
export class ByteReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;

  /** Creates a reader at the start of `bytes`, which are not copied. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Number of bytes not yet read. */
  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** Skips `length` bytes and returns their offset. */
  #advance(length: number): number {
    const at = this.#at;
    if (length > this.remaining) {
      throw new ProtocolError(`the message ends ${length - this.remaining} bytes too early`);
    }
    this.#at = at + length;
    return at;
  }

  /** Reads an unsigned 8-bit integer. */
  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  /** Reads an unsigned 16-bit integer. */
  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  /** Reads an unsigned 32-bit integer. */
  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  /** Reads an unsigned 64-bit integer. */
  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  /** Reads a rectangle: x, y, width and height, 16 bits each. */
  rect(): Rect {
    return { x: this.u16(), y: this.u16(), width: this.u16(), height: this.u16() };
  }

  /** Reads the next `length` bytes as a view, without a copy. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Reads the remaining bytes as a view, without a copy. */
  rest(): Uint8Array<ArrayBuffer> {
    return this.bytes(this.remaining);
  }

  /** Reads the remaining bytes as JSON text; throws {@link ProtocolError} for invalid JSON. */
  json(): unknown {
    try {
      return JSON.parse(new TextDecoder().decode(this.rest()));
    } catch {
      throw new ProtocolError('a message holds invalid JSON');
    }
  }
}
