import { effect } from '@preact/signals';
import type { WorkerClient } from '../worker-client';
import { fitsWindow } from './fit-setting';
import { magnification } from './magnification';
import { currentMonitor } from './monitors';
import type { ViewportObserver } from './viewport-observer';
import { monitorConfigFor } from './monitor-config';

/**
 * Keeps the guest's screen as large as the viewport while the person wants it so; returns what ends it.
 * A further screen is asked for once in any case, for it is off until then.
 */
export function requestFittingLayout(worker: WorkerClient, viewport: ViewportObserver, screen: number): () => void {
  const monitor = currentMonitor();
  let asked = false;
  const stop = effect(() => {
    const room = viewport.size.value;
    const origin = monitor.origin.value;
    const larger = magnification.value;
    if (room !== null && (fitsWindow.value || (screen > 0 && !asked))) {
      asked = true;
      worker.requestLayout(monitorConfigFor(room, origin, larger));
    } else if (screen === 0) {
      worker.requestLayout(null);
    }
  });
  return () => {
    stop();
    monitor.dispose();
  };
}
