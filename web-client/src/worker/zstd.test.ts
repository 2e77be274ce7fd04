import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../protocol/bytes';
import { loadZstd } from './zstd';

/** `printf 'oriel oriel oriel oriel' | zstd --no-check` */
const COMPRESSED = new Uint8Array([
  0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x17, 0x65, 0x00, 0x00, 0x30, 0x6f, 0x72, 0x69, 0x65, 0x6c, 0x20, 0x01, 0x00, 0x99,
  0x4b, 0x11,
]);

describe('zstd', () => {
  it('decompresses, and rejects another length than the announced one', async () => {
    const unzstd = await loadZstd();
    expect(new TextDecoder().decode(unzstd(COMPRESSED, 23))).toBe('oriel oriel oriel oriel');
    expect(() => unzstd(COMPRESSED, 22)).toThrow(ProtocolError);
    expect(() => unzstd(COMPRESSED, 24)).toThrow(ProtocolError);
  });

  it('rejects invalid data and excessive lengths', async () => {
    const unzstd = await loadZstd();
    expect(() => unzstd(new Uint8Array([1, 2, 3, 4, 5]), 100)).toThrow(ProtocolError);
    expect(() => unzstd(COMPRESSED, 0xffff_ffff)).toThrow(ProtocolError);
  });
});
