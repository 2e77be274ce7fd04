import { describe, expect, it } from 'vitest';
import { magnified, NO_ZOOM, zoomBy } from './zoom';

/** A wide picture on an upright phone, with room above and below. */
const FIT = { left: 0, top: 300, width: 400, height: 225, deviceScale: 0.5, crisp: false };
const PHONE = { width: 400, height: 825 };
const STILL = { x: 0, y: 0 };

describe('zoom', () => {
  it('keeps the point between the fingers in place', () => {
    const about = { x: 100, y: 400 };
    const zoom = zoomBy(NO_ZOOM, 2, about, STILL, FIT, PHONE);
    const now = magnified(FIT, zoom);
    expect([now.width, now.height, now.deviceScale, now.crisp]).toEqual([800, 450, 1, true]);
    expect((about.x - now.left) / now.width).toBeCloseTo((about.x - FIT.left) / FIT.width);
    expect((about.y - now.top) / now.height).toBeCloseTo((about.y - FIT.top) / FIT.height);
  });

  it('follows the fingers up to the edges of the picture', () => {
    const zoom = zoomBy(NO_ZOOM, 2, { x: 200, y: 412 }, STILL, FIT, PHONE);
    expect(magnified(FIT, zoomBy(zoom, 1, STILL, { x: 50, y: 0 }, FIT, PHONE)).left).toBeCloseTo(-150);
    expect(magnified(FIT, zoomBy(zoom, 1, STILL, { x: 5000, y: 0 }, FIT, PHONE)).left).toBeCloseTo(0);
    const far = magnified(FIT, zoomBy(zoom, 1, STILL, { x: -5000, y: 0 }, FIT, PHONE));
    expect(far.left + far.width).toBeCloseTo(400);
  });

  it('can move the lower edge above an on-screen keyboard', () => {
    const covered = { width: 400, height: 450 };
    const up = magnified(FIT, zoomBy(NO_ZOOM, 1, STILL, { x: 0, y: -5000 }, FIT, covered));
    expect(up.top + up.height).toBeCloseTo(150);
  });

  it('is limited to factors from 1 to 6', () => {
    const zoom = zoomBy(NO_ZOOM, 100, { x: 10, y: 310 }, STILL, FIT, PHONE);
    expect(zoom.scale).toBe(6);
    expect(magnified(FIT, zoomBy(zoom, 0.001, { x: 390, y: 500 }, STILL, FIT, PHONE))).toEqual(FIT);
  });
});
