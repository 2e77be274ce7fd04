/** One window for each of the guest's screens. */
import { desktopPath } from '../../../router';
import { otherMonitor } from './monitors';

/** Windows opened from here, by the number of the screen that they show. */
const opened = new Map<number, Window>();

/** Whether a window for this screen was opened from here and is closed. */
export function wasClosed(screen: number): boolean {
  return opened.get(screen)?.closed === true;
}

/** Opens a window for a screen, on a monitor of its own where that can be had; false when the browser refuses. */
export async function openScreen(desktopId: string, screen: number): Promise<boolean> {
  const place = await otherMonitor(screen);
  const { left, top, width, height } = place ?? {
    left: window.screenX + 60 * screen,
    top: window.screenY + 60 * screen,
    width: Math.min(1280, window.screen.availWidth),
    height: Math.min(800, window.screen.availHeight),
  };
  const own = new URLSearchParams(location.search);
  own.set('screen', `${screen}`);
  const address = `${desktopPath(desktopId)}?${own.toString()}`;
  const features = `popup,left=${left},top=${top},width=${width},height=${height}`;
  const created = window.open(address, `oriel-${desktopId}-${screen}`, features);
  if (created !== null) {
    opened.set(screen, created);
  }
  return created !== null;
}
