/** The user's monitors, where the browser tells of them (Window Management API) and may. */
import { type ReadonlySignal, signal } from '@preact/signals';

interface ScreenDetailed extends Screen {
  readonly availLeft: number;
  readonly availTop: number;
  readonly left: number;
  readonly top: number;
}

interface ScreenDetails extends EventTarget {
  readonly screens: readonly ScreenDetailed[];
  readonly currentScreen: ScreenDetailed;
}

interface WindowWithMonitors {
  readonly getScreenDetails?: () => Promise<ScreenDetails>;
}

/** Where a monitor begins among all of them, in device pixels. */
export interface Origin {
  readonly x: number;
  readonly y: number;
}

/** A place for a new window, in CSS pixels. */
export interface WindowBounds {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

async function windowManagementPermission(): Promise<PermissionState> {
  try {
    return (await navigator.permissions.query({ name: 'window-management' as PermissionName })).state;
  } catch {
    return 'denied';
  }
}

async function screenDetails(): Promise<ScreenDetails | null> {
  try {
    return (await (window as WindowWithMonitors).getScreenDetails?.()) ?? null;
  } catch {
    return null;
  }
}

/** Follows which monitor this window is on; all zero where that is not told. Never asks for permission. */
export function currentMonitor(): { readonly origin: ReadonlySignal<Origin>; readonly dispose: () => void } {
  const origin = signal<Origin>({ x: 0, y: 0 });
  const abort = new AbortController();
  const follow = async (): Promise<void> => {
    const found = (await windowManagementPermission()) === 'granted' ? await screenDetails() : null;
    if (found === null || abort.signal.aborted) {
      return;
    }
    const update = (): void => {
      const { left, top } = found.currentScreen;
      const ratio = window.devicePixelRatio;
      origin.value = { x: Math.round(left * ratio), y: Math.round(top * ratio) };
    };
    update();
    found.addEventListener('currentscreenchange', update, { signal: abort.signal });
  };
  void follow();
  return { origin, dispose: () => abort.abort() };
}

/**
 * The monitor on which the `n`th further window is at home: the one beside this window's, and so on;
 * `null` where there is none, or it is not told. Asks for permission where there are several monitors.
 */
export async function otherMonitor(n: number): Promise<WindowBounds | null> {
  const extended = (window.screen as Screen & { readonly isExtended?: boolean }).isExtended === true;
  const found = extended && (await windowManagementPermission()) !== 'denied' ? await screenDetails() : null;
  const others = found?.screens.filter((screen) => screen !== found.currentScreen) ?? [];
  const other = others[n - 1];
  return other === undefined
    ? null
    : { left: other.availLeft, top: other.availTop, width: other.availWidth, height: other.availHeight };
}
