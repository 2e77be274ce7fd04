import type { Room } from '../../../input/letterbox';
import type { WantedScreen } from '../../../protocol/client-messages';
import type { Origin } from './monitors';

const PLAIN_DPI = 96;

/** A screen as large as `room` in device pixels, and as dense: the guest takes its scale from that. */
export function wantedFor(room: Room, origin: Origin): WantedScreen {
  const { width, height, ratio } = room;
  return { width, height, x: origin.x, y: origin.y, dpi: Math.round(PLAIN_DPI * ratio) };
}
