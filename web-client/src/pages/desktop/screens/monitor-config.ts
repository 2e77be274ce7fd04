import type { Viewport } from '../../../input/placement';
import type { MonitorConfig } from '../../../protocol/client-messages';
import type { Origin } from './monitors';

const PLAIN_DPI = 96;

/**
 * A screen that fills `room` at `magnification` device pixels for each of its own, and as dense as
 * these then are: the guest takes its scale from that.
 */
export function monitorConfigFor({ width, height, ratio }: Viewport, origin: Origin, magnification: number): MonitorConfig {
  const shown = (devicePixels: number): number => Math.floor(devicePixels / magnification);
  const dpi = Math.max(PLAIN_DPI, Math.round((PLAIN_DPI * ratio) / magnification));
  return { width: shown(width), height: shown(height), x: origin.x, y: origin.y, dpi };
}
