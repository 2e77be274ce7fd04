/** The other side sent bytes that the protocol does not allow. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** A rectangle in pixels of the guest's screen, origin at the top left. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Reads little-endian fields one after the other; throws {@link ProtocolError} at the end of the bytes. */
export class ByteReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  #advance(length: number): number {
    const at = this.#at;
    if (length > this.remaining) {
      throw new ProtocolError(`the message ends ${length - this.remaining} bytes too early`);
    }
    this.#at = at + length;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  rect(): Rect {
    return { x: this.u16(), y: this.u16(), width: this.u16(), height: this.u16() };
  }

  /** The next `length` bytes, without copying them. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Everything up to the end, without copying it. */
  rest(): Uint8Array<ArrayBuffer> {
    return this.bytes(this.remaining);
  }

  /** Everything up to the end, as JSON. */
  json(): unknown {
    try {
      return JSON.parse(new TextDecoder().decode(this.rest()));
    } catch {
      throw new ProtocolError('a message holds broken JSON');
    }
  }
}
