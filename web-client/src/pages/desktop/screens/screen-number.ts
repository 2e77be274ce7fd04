import type { ScreenRect } from '../../../protocol/server-messages';

/** Which screen a page shows, from 0 on, by the query of its address. */
export function shownScreen(query = location.search): number {
  const number = Number(new URLSearchParams(query).get('screen') ?? '0');
  return Number.isInteger(number) && number >= 0 && number < 256 ? number : 0;
}

/** What a user calls it. */
export function screenName(screen: number): string {
  return `screen ${screen + 1}`;
}

/**
 * The first screen that nobody seems to show, or `null`. The guest may be slow to switch one off,
 * so a window that is known to be closed counts for more than a picture.
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
