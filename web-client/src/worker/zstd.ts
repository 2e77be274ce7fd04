import { ProtocolError } from '../protocol/bytes';

/** Returns exactly `rawLength` bytes, or throws {@link ProtocolError}. */
export type Unzstd = (compressed: Uint8Array<ArrayBuffer>, rawLength: number) => Uint8Array<ArrayBuffer>;

/** More than any picture of the largest screen needs. */
const RAW_LIMIT = 256 << 20;

/**
 * The reference decoder as WebAssembly: a page of 1920x1080 takes 2 to 6 ms, in JavaScript 50. The
 * latter stands in where WebAssembly is switched off, as hardened browsers do.
 */
export async function loadZstd(): Promise<Unzstd> {
  const { ZSTDDecoder } = await import('zstddec');
  try {
    const decoder = new ZSTDDecoder();
    await decoder.init();
    return checked((compressed, rawLength) => decoder.decode(compressed, rawLength));
  } catch {
    const { decompress } = await import('fzstd');
    return checked((compressed, rawLength) => decompress(compressed, new Uint8Array(rawLength)));
  }
}

function checked(decode: (compressed: Uint8Array, rawLength: number) => Uint8Array): Unzstd {
  return (compressed, rawLength) => {
    if (rawLength > RAW_LIMIT) {
      throw new ProtocolError('an exact update is too large');
    }
    let raw: Uint8Array;
    try {
      raw = decode(compressed, rawLength);
    } catch {
      throw new ProtocolError('an exact update does not decompress');
    }
    if (raw.length !== rawLength) {
      throw new ProtocolError('an exact update has the wrong length');
    }
    return raw as Uint8Array<ArrayBuffer>;
  };
}
