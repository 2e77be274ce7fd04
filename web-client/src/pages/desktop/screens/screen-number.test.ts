import { describe, expect, it } from 'vitest';
import { freeScreen, shownScreen } from './screen-number';

const ON = { width: 800, height: 600, x: 0, y: 0 };
const OFF = { width: 0, height: 0, x: 0, y: 0 };

describe('screen number', () => {
  it('is read from the query of the URL', () => {
    expect(shownScreen('')).toBe(0);
    expect(shownScreen('?screen=2&probe=1')).toBe(2);
    for (const nonsense of ['?screen=-1', '?screen=1.5', '?screen=x', '?screen=999']) {
      expect(shownScreen(nonsense)).toBe(0);
    }
  });

  it('is the first free one for an additional screen', () => {
    const free = (own: number, max: number, screens: (typeof ON)[], closed = -1): number | null =>
      freeScreen(own, { max, screens }, (screen) => screen === closed);
    expect(free(0, 1, [ON])).toBeNull();
    expect(free(0, 4, [ON, OFF, OFF, OFF])).toBe(1);
    expect(free(0, 4, [ON, ON, OFF, OFF])).toBe(2);
    expect(free(0, 2, [ON, ON])).toBeNull();
    expect(free(0, 2, [ON, ON], 1)).toBe(1);
    expect(free(1, 3, [ON, OFF, OFF])).toBe(2);
  });
});
