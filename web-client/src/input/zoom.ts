import type { Placement } from './placement';
import type { Point } from './touch-gestures';

/** How far the picture is magnified beyond fitting, and moved; lengths in CSS pixels. */
export interface Zoom {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export const NO_ZOOM: Zoom = { scale: 1, x: 0, y: 0 };
const MAX_SCALE = 6;

/** The part of the window that nothing covers, such as a keyboard on the screen. */
export interface VisibleArea {
  readonly width: number;
  readonly height: number;
}

/** The fitting placement as it is when magnified. */
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

/** Magnifies about a point of the window, which stays under the fingers, and moves; never out of sight. */
export function zoomBy(zoom: Zoom, factor: number, about: Point, by: Point, fit: Placement, visible: VisibleArea): Zoom {
  const scale = Math.min(MAX_SCALE, Math.max(1, zoom.scale * factor));
  const real = scale / zoom.scale;
  const moved = (at: number, offset: number, way: number): number => at - (at - offset) * real + way;
  return {
    scale,
    x: clampOffset(moved(about.x, zoom.x, by.x), fit.left, fit.width, scale, visible.width),
    y: clampOffset(moved(about.y, zoom.y, by.y), fit.top, fit.height, scale, visible.height),
  };
}

/** The offset next to `offset` that leaves no more room beside the picture than fitting does. */
function clampOffset(offset: number, start: number, size: number, scale: number, visible: number): number {
  const first = start - start * scale;
  const last = visible - start - (start + size) * scale;
  return Math.max(Math.min(offset, first), Math.min(last, first));
}
