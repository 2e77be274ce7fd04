import { describe, expect, it } from 'vitest';
import { fitPicture, type Viewport, toFractions } from './placement';

const HD = { width: 1920, height: 1080 };

function viewport(width: number, height: number, ratio = 1): Viewport {
  return { width, height, ratio };
}

describe('placement', () => {
  it('fills a window of the same size pixel for pixel', () => {
    expect(fitPicture(HD, viewport(1920, 1080))).toEqual({ left: 0, top: 0, width: 1920, height: 1080, deviceScale: 1, crisp: true });
  });

  it('keeps the aspect ratio, with bars on both sides', () => {
    expect(fitPicture(HD, viewport(1920, 540))).toMatchObject({ left: 480, top: 0, width: 960, height: 540 });
    expect(fitPicture(HD, viewport(960, 1000))).toMatchObject({ left: 0, top: 230, width: 960, height: 540 });
  });

  it('prefers an integer scale to a slightly larger, filtered picture', () => {
    expect(fitPicture(HD, viewport(1980, 1120))).toMatchObject({ deviceScale: 1, crisp: true, left: 30, top: 20 });
    expect(fitPicture(HD, viewport(2560, 1440))).toMatchObject({ crisp: false, width: 2560, height: 1440 });
  });

  it('is aligned to device pixels', () => {
    const placement = fitPicture({ width: 1600, height: 900 }, viewport(1602, 906, 2));
    expect(placement).toEqual({ left: 0.5, top: 1.5, width: 800, height: 450, deviceScale: 1, crisp: true });
  });

  it('fills a window with a fractional number of CSS pixels without scaling', () => {
    const placement = fitPicture({ width: 1922, height: 1081 }, viewport(1922, 1081, 1.5));
    expect(placement).toMatchObject({ left: 0, top: 0, width: 1922 / 1.5, deviceScale: 1, crisp: true });
  });
});

describe('mapping from the window to the screen', () => {
  const placement = fitPicture(HD, viewport(960, 640)); // Half size, 50 pixels down.

  it('maps the first and the last pixel to 0 and 65535', () => {
    expect(toFractions(0, 50, placement, HD)).toEqual({ x: 0, y: 0 });
    expect(toFractions(959.9, 589.9, placement, HD)).toEqual({ x: 65535, y: 65535 });
  });

  it('maps pixels to fractions that the guest maps back to the same pixels', () => {
    for (const pixel of [0, 1, 777, 1918, 1919]) {
      const { x } = toFractions((pixel + 0.5) / 2, 300, placement, HD);
      expect(Math.round((x * (HD.width - 1)) / 65535)).toBe(pixel);
    }
  });

  it('maps the left edge of every pixel to that pixel, at any ratio', () => {
    for (const ratio of [1, 1.1, 1.25, 1.5, 2, 3]) {
      const guest = { width: 801, height: 603 };
      const fitting = fitPicture(guest, viewport(801, 603, ratio));
      for (let pixel = 0; pixel < guest.width; pixel += 1) {
        const { x } = toFractions(pixel / ratio, 0, fitting, guest);
        expect(Math.round((x * (guest.width - 1)) / 65535)).toBe(pixel);
      }
    }
  });

  it('maps the bars to the nearest edge', () => {
    expect(toFractions(-40, 10, placement, HD)).toEqual({ x: 0, y: 0 });
    expect(toFractions(5000, 639, placement, HD)).toEqual({ x: 65535, y: 65535 });
  });
});
