import { describe, expect, it } from 'vitest';
import { byteCount } from './byte-count';

describe('byte count', () => {
  it('has at most three digits and a decimal unit', () => {
    expect([0, 999, 1000, 99_400, 640_000, 999_600, 3_200_000, 5e9, 2e15].map(byteCount)).toEqual([
      '0 B', '999 B', '1.0 kB', '99.4 kB', '640 kB', '1.0 MB', '3.2 MB', '5.0 GB', '2000 TB',
    ]);
  });
});
