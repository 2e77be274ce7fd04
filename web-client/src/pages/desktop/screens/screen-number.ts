import type { ScreenRect } from '../../../protocol/server-messages';

/** Returns the number of the screen that a page shows, from 0 on, from the `screen` parameter of its query. */
export function shownScreen(query = location.search): number {
  const number = Number(new URLSearchParams(query).get('screen') ?? '0');
  return Number.isInteger(number) && number >= 0 && number < 256 ? number : 0;
}

/** Returns the display name of a screen; users count from 1. */
export function screenName(screen: number): string {
  return `screen ${screen + 1}`;
}

/**
 * Returns the first screen that no window shows, except `own`; `null`: none. A screen whose window was closed is free
 * although the guest may not have switched it off yet.
 */
export function freeScreen(
  own: number,
  { max, screens }: { readonly max: number; readonly screens: readonly ScreenRect[] },
  wasClosed: (screen: number) => boolean,
): number | null {
  for (let screen = 1; screen < max; screen += 1) {
    const isOn = (screens[screen]?.width ?? 0) > 0;
    if (screen !== own && (!isOn || wasClosed(screen))) {
      return screen;
    }
  }
  return null;
}
