/** Rectangle of the picture in the window; lengths in CSS pixels unless stated otherwise. */
export interface Placement {
  /** Left edge. */
  readonly left: number;
  /** Top edge. */
  readonly top: number;
  /** Width. */
  readonly width: number;
  /** Height. */
  readonly height: number;
  /** Device pixels per pixel of the guest. */
  readonly deviceScale: number;
  /** Whether `deviceScale` is an integer, so that the picture is scaled without filtering. */
  readonly crisp: boolean;
}

/** Share of the size that an integer scale may cost compared with the fitting scale. */
const SNAP_SHARE = 0.06;

/** Area of the window for the picture, in device pixels. */
export interface Viewport {
  /** Width in device pixels. */
  readonly width: number;
  /** Height in device pixels. */
  readonly height: number;
  /** Device pixels per CSS pixel. */
  readonly ratio: number;
}

/**
 * Computes the largest placement that keeps the guest's aspect ratio and fits the viewport, aligned to device pixels.
 * An integer scale is preferred where it costs little: text is then not filtered.
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
 * Maps a point of the window (CSS pixels) to fractions of the screen: 0 for the first pixel, 65535 for the last.
 * Points outside of the picture map to its nearest edge.
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

/** Fraction of the last pixel. */
const FULL = 65535;
/** Tolerance in pixels for rounding errors at the edges of pixels. */
const SLACK = 1 / 1024;

/** Computes the fraction of the pixel at offset `at` of a side of `side` CSS pixels and `pixels` guest pixels. */
function fraction(at: number, side: number, pixels: number): number {
  const pixel = Math.min(pixels - 1, Math.max(0, Math.floor((at * pixels) / side + SLACK)));
  return pixels <= 1 ? 0 : Math.round((pixel * FULL) / (pixels - 1));
}
