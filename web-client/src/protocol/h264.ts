
/** NAL unit type of a sequence parameter set (ITU-T H.264, table 7-1). */
const NAL_SPS = 7;

/**
 * Builds the WebCodecs `codec` string of a key frame: `avc1.` and the profile, constraint and level bytes of its
 * sequence parameter set (RFC 6381, section 3.3). Returns `null` without a parameter set.
 */
export function codecString(accessUnit: Uint8Array): string | null {
  for (let i = 0; i + 6 < accessUnit.length; i += 1) {
    const starts = accessUnit[i] === 0 && accessUnit[i + 1] === 0 && accessUnit[i + 2] === 1;
    if (starts && ((accessUnit[i + 3] ?? 0) & 0x1f) === NAL_SPS) {
      const hex = Array.from(accessUnit.subarray(i + 4, i + 7), (byte) => byte.toString(16).padStart(2, '0'));
      return `avc1.${hex.join('').toUpperCase()}`;
    }
  }
  return null;
}
