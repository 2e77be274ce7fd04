import type { Viewport } from '../../../input/placement';
import type { MonitorConfig } from '../../../protocol/client-messages';
import type { Origin } from './monitors';

/** Density of a monitor with one device pixel per CSS pixel. */
const PLAIN_DPI = 96;

/**
 * Computes the configuration of a guest monitor that fills the viewport at `magnification` device pixels per guest
 * pixel. The guest derives its scale factor from the density.
 */
export function monitorConfigFor({ width, height, ratio }: Viewport, origin: Origin, magnification: number): MonitorConfig {
  const shown = (devicePixels: number): number => Math.floor(devicePixels / magnification);
  const dpi = Math.max(PLAIN_DPI, Math.round((PLAIN_DPI * ratio) / magnification));
  return { width: shown(width), height: shown(height), x: origin.x, y: origin.y, dpi };
}
