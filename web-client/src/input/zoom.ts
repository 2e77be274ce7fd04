import type { Placement } from './placement';
import type { Point } from './touch-gestures';

/** Magnification and offset of the picture, relative to the fitting placement. */
export interface Zoom {
  /** Factor, 1 to 6. */
  readonly scale: number;
  /** Horizontal offset in CSS pixels. */
  readonly x: number;
  /** Vertical offset in CSS pixels. */
  readonly y: number;
}

/** Zoom of the fitting placement. */
export const NO_ZOOM: Zoom = { scale: 1, x: 0, y: 0 };
const MAX_SCALE = 6;

/** Part of the window that an on-screen keyboard does not cover, in CSS pixels (`VisualViewport`). */
export interface VisibleArea {
  /** Width. */
  readonly width: number;
  /** Height. */
  readonly height: number;
}

/** Applies a zoom to the fitting placement. */
export function magnified(fit: Placement, { scale, x, y }: Zoom): Placement {
  const deviceScale = fit.deviceScale * scale;
  return {
    left: fit.left * scale + x,
    top: fit.top * scale + y,
    width: fit.width * scale,
    height: fit.height * scale,
    deviceScale,
    crisp: Number.isInteger(deviceScale),
  };
}

/**
 * Changes a zoom by `factor` about a point of the window, which stays in place, and by an offset. The picture stays
 * within reach: no more room beside it than the fitting placement leaves.
 */
export function zoomBy(zoom: Zoom, factor: number, about: Point, by: Point, fit: Placement, visible: VisibleArea): Zoom {
  const scale = Math.min(MAX_SCALE, Math.max(1, zoom.scale * factor));
  const ratio = scale / zoom.scale;
  const moved = (at: number, offset: number, shift: number): number => at - (at - offset) * ratio + shift;
  return {
    scale,
    x: clampOffset(moved(about.x, zoom.x, by.x), fit.left, fit.width, scale, visible.width),
    y: clampOffset(moved(about.y, zoom.y, by.y), fit.top, fit.height, scale, visible.height),
  };
}

/** Returns the valid offset closest to `offset`. */
function clampOffset(offset: number, start: number, size: number, scale: number, visible: number): number {
  const first = start - start * scale;
  const last = visible - start - (start + size) * scale;
  return Math.max(Math.min(offset, first), Math.min(last, first));
}
