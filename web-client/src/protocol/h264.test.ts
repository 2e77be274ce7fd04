import { describe, expect, it } from 'vitest';
import { codecString } from './h264';

describe('codec string', () => {
  it('contains profile, constraints and level of the sequence parameter set', () => {
    const sps = [0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x28, 0x8c];
    const delimiter = [0, 0, 0, 1, 0x09, 0x10];
    expect(codecString(new Uint8Array([...delimiter, ...sps]))).toBe('avc1.42C028');
  });

  it('is found after a three-byte start code, with any nal_ref_idc', () => {
    expect(codecString(new Uint8Array([0, 0, 1, 0x27, 0x64, 0x00, 0x0d, 0xac]))).toBe('avc1.64000D');
  });

  it('is null without a sequence parameter set', () => {
    expect(codecString(new Uint8Array([0, 0, 0, 1, 0x65, 0x88, 0x84, 0, 1, 2]))).toBeNull();
    expect(codecString(new Uint8Array([0, 0, 1, 0x67]))).toBeNull();
  });
});
