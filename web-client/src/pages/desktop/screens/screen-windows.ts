/** Windows of the guest's additional screens, one for each screen. */
import { desktopUrl } from '../../../router';
import { otherMonitor } from './monitors';

/** Windows opened by this page, by the number of their screen. */
const opened = new Map<number, Window>();

/** Whether this page opened a window for the screen that is closed now. */
export function wasClosed(screen: number): boolean {
  return opened.get(screen)?.closed === true;
}

/**
 * Opens a window for a screen, on a monitor of its own where there is one. Resolves with `false` when the browser
 * blocks it.
 */
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
  const address = `${desktopUrl(desktopId)}?${own.toString()}`;
  const features = `popup,left=${left},top=${top},width=${width},height=${height}`;
  const created = window.open(address, `oriel-${desktopId}-${screen}`, features);
  if (created !== null) {
    opened.set(screen, created);
  }
  return created !== null;
}
