import { effect } from '@preact/signals';
import type { WorkerClient } from '../worker-client';
import { fitsWindow } from './fit-setting';
import { magnification } from './magnification';
import { currentMonitor } from './monitors';
import type { ViewportObserver } from './viewport-observer';
import { monitorConfigFor } from './monitor-config';

/**
 * Requests a guest screen of the viewport's size, while the setting is on; returns a function that ends it. An
 * additional screen is requested once in any case, since it is off until then.
 */
export function requestFittingLayout(worker: WorkerClient, observer: ViewportObserver, screen: number): () => void {
  const monitor = currentMonitor();
  let requested = false;
  const stop = effect(() => {
    const viewport = observer.size.value;
    const origin = monitor.origin.value;
    const scale = magnification.value;
    if (viewport !== null && (fitsWindow.value || (screen > 0 && !requested))) {
      requested = true;
      worker.requestLayout(monitorConfigFor(viewport, origin, scale));
    } else if (screen === 0) {
      worker.requestLayout(null);
    }
  });
  return () => {
    stop();
    monitor.dispose();
  };
}
