/** Arrangement of the user's monitors (W3C Window Management API), as far as browser and permission allow. */
import { type ReadonlySignal, signal } from '@preact/signals';

/** Monitor with its position, in CSS pixels. */
interface ScreenDetailed extends Screen {
  readonly availLeft: number;
  readonly availTop: number;
  readonly left: number;
  readonly top: number;
}

/** All monitors, and the one of this window. */
interface ScreenDetails extends EventTarget {
  readonly screens: readonly ScreenDetailed[];
  readonly currentScreen: ScreenDetailed;
}

interface WindowWithMonitors {
  readonly getScreenDetails?: () => Promise<ScreenDetails>;
}

/** Position of a monitor in the arrangement, in device pixels. */
export interface Origin {
  /** Left edge. */
  readonly x: number;
  /** Top edge. */
  readonly y: number;
}

/** Position and size of a new window, in CSS pixels. */
export interface WindowBounds {
  /** Left edge. */
  readonly left: number;
  /** Top edge. */
  readonly top: number;
  /** Width. */
  readonly width: number;
  /** Height. */
  readonly height: number;
}

/** Queries the permission `window-management`; `denied` if the browser has none. */
async function windowManagementPermission(): Promise<PermissionState> {
  try {
    return (await navigator.permissions.query({ name: 'window-management' as PermissionName })).state;
  } catch {
    return 'denied';
  }
}

/** Returns the monitors; `null` if the browser or the user refuses. */
async function screenDetails(): Promise<ScreenDetails | null> {
  try {
    return (await (window as WindowWithMonitors).getScreenDetails?.()) ?? null;
  } catch {
    return null;
  }
}

/** Tracks the position of the monitor of this window; 0, 0 without the permission, which is not requested. */
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
 * Returns the bounds of the `n`th monitor besides that of this window; `null` without one or without the permission,
 * which is requested if there are several monitors.
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
