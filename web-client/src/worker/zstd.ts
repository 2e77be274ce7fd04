import { ProtocolError } from '../protocol/bytes';

/**
 * Decompressor of one zstd frame (RFC 8878). Returns exactly `rawLength` bytes; throws {@link ProtocolError}
 * otherwise.
 */
export type Unzstd = (compressed: Uint8Array<ArrayBuffer>, rawLength: number) => Uint8Array<ArrayBuffer>;

/** Maximum decompressed size in bytes, above that of the largest screen. */
const RAW_LIMIT = 256 << 20;

/**
 * Loads the decompressor: the reference implementation as WebAssembly, or one in JavaScript where WebAssembly is
 * disabled. A 1920x1080 page takes 2 to 6 ms in WebAssembly and 50 ms in JavaScript.
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

/** Adds the checks of {@link Unzstd} to a decoder. */
function checked(decode: (compressed: Uint8Array, rawLength: number) => Uint8Array): Unzstd {
  return (compressed, rawLength) => {
    if (rawLength > RAW_LIMIT) {
      throw new ProtocolError('a lossless update is too large');
    }
    let raw: Uint8Array;
    try {
      raw = decode(compressed, rawLength);
    } catch {
      throw new ProtocolError('a lossless update does not decompress');
    }
    if (raw.length !== rawLength) {
      throw new ProtocolError('a lossless update has the wrong length');
    }
    return raw as Uint8Array<ArrayBuffer>;
  };
}
