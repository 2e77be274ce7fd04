/** Where the picture lies in the window. Lengths in CSS pixels unless they say otherwise. */
export interface Placement {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Device pixels for each pixel of the guest. */
  readonly deviceScale: number;
  /** A whole number of device pixels for each: no filtering is wanted. */
  readonly crisp: boolean;
}

/** A whole-number scale is taken instead of a fitting one when it costs no more than this share of the size. */
const SNAP_SHARE = 0.06;

/** A part of the window, in device pixels. */
export interface Viewport {
  readonly width: number;
  readonly height: number;
  /** Device pixels for each CSS pixel. */
  readonly ratio: number;
}

/**
 * The largest picture that keeps the guest's aspect and fits the window, snapped to whole device
 * pixels: at a scale of exactly 1 (or 2, …) text stays as sharp as the guest drew it.
 */
export function fitPicture(
  guest: { readonly width: number; readonly height: number },
  viewport: Viewport,
): Placement {
  const fit = Math.min(viewport.width / guest.width, viewport.height / guest.height);
  const whole = Math.floor(fit);
  const deviceScale = whole >= 1 && (fit - whole) / fit <= SNAP_SHARE ? whole : fit;
  const width = Math.round(guest.width * deviceScale);
  const height = Math.round(guest.height * deviceScale);
  return {
    left: Math.floor((viewport.width - width) / 2) / viewport.ratio,
    top: Math.floor((viewport.height - height) / 2) / viewport.ratio,
    width: width / viewport.ratio,
    height: height / viewport.ratio,
    deviceScale,
    crisp: Number.isInteger(deviceScale),
  };
}

/**
 * A point of the window as fractions of the screen, 0 for the centre of the first pixel to 65535 for
 * the last one's; points beside the picture count as its nearest edge.
 */
export function toFractions(
  clientX: number,
  clientY: number,
  placement: Pick<Placement, 'left' | 'top' | 'width' | 'height'>,
  guest: { readonly width: number; readonly height: number },
): { readonly x: number; readonly y: number } {
  return {
    x: fraction(clientX - placement.left, placement.width, guest.width),
    y: fraction(clientY - placement.top, placement.height, guest.height),
  };
}

const FULL = 65535;
/** Of a pixel: what divisions lose must not make a point at a pixel's edge one of the pixel before it. */
const SLACK = 1 / 1024;

function fraction(at: number, side: number, pixels: number): number {
  const pixel = Math.min(pixels - 1, Math.max(0, Math.floor((at * pixels) / side + SLACK)));
  return pixels <= 1 ? 0 : Math.round((pixel * FULL) / (pixels - 1));
}
