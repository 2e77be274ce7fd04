import { describe, expect, it } from 'vitest';
import { place, toFractions } from './letterbox';

const HD = { width: 1920, height: 1080 };

describe('placement', () => {
  it('fills a window of the same size pixel for pixel', () => {
    expect(place(HD, HD, 1)).toEqual({ left: 0, top: 0, width: 1920, height: 1080, deviceScale: 1, crisp: true });
  });

  it('keeps the aspect, with bars on both sides', () => {
    expect(place(HD, { width: 1920, height: 540 }, 1)).toMatchObject({ left: 480, top: 0, width: 960, height: 540 });
    expect(place(HD, { width: 960, height: 1000 }, 1)).toMatchObject({ left: 0, top: 230, width: 960, height: 540 });
  });

  it('prefers whole pixels to a slightly larger, blurred picture', () => {
    expect(place(HD, { width: 1980, height: 1120 }, 1)).toMatchObject({ deviceScale: 1, crisp: true, left: 30, top: 20 });
    expect(place(HD, { width: 2560, height: 1440 }, 1)).toMatchObject({ crisp: false, width: 2560, height: 1440 });
  });

  it('counts device pixels, and lies on whole ones', () => {
    const placement = place({ width: 1600, height: 900 }, { width: 801, height: 453 }, 2);
    expect(placement).toEqual({ left: 0.5, top: 1.5, width: 800, height: 450, deviceScale: 1, crisp: true });
  });
});

describe('from the window to the screen', () => {
  const placement = place(HD, { width: 960, height: 640 }, 1); // Half size, 50 pixels down.

  it('names the first and the last pixel 0 and 65535', () => {
    expect(toFractions(0, 50, placement, HD)).toEqual({ x: 0, y: 0 });
    expect(toFractions(959.9, 589.9, placement, HD)).toEqual({ x: 65535, y: 65535 });
  });

  it('names pixels so that the guest finds the same ones again', () => {
    for (const pixel of [0, 1, 777, 1918, 1919]) {
      const { x } = toFractions((pixel + 0.5) / 2, 300, placement, HD);
      expect(Math.round((x * (HD.width - 1)) / 65535)).toBe(pixel);
    }
  });

  it('counts the bars as the nearest edge', () => {
    expect(toFractions(-40, 10, placement, HD)).toEqual({ x: 0, y: 0 });
    expect(toFractions(5000, 639, placement, HD)).toEqual({ x: 65535, y: 65535 });
  });
});
