import { effect } from '@preact/signals';
import type { DesktopLink } from '../desktop-link';
import { fitsWindow } from './fit-setting';
import { magnification } from './magnification';
import { currentMonitor } from './monitors';
import type { StageRoom } from './stage-room';
import { wantedFor } from './wanted-screen';

/**
 * Keeps the guest's screen as large as the stage while the person wants it so; returns what ends it.
 * A further screen is asked for once in any case, for it is off until then.
 */
export function wantFittingScreen(link: DesktopLink, stage: StageRoom, screen: number): () => void {
  const monitor = currentMonitor();
  let asked = false;
  const stop = effect(() => {
    const room = stage.size.value;
    const origin = monitor.origin.value;
    const larger = magnification.value;
    if (room !== null && (fitsWindow.value || (screen > 0 && !asked))) {
      asked = true;
      link.want(wantedFor(room, origin, larger));
    } else if (screen === 0) {
      link.want(null);
    }
  });
  return () => {
    stop();
    monitor.dispose();
  };
}
