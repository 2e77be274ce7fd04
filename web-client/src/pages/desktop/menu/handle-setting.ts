import { signal } from '@preact/signals';

const KEY = 'oriel.handle';

/** Whether the menu's handle is shown at the upper edge. Kept in the browser: a device without a keyboard needs it. */
export const handleShown = signal(remembered());

function remembered(): boolean {
  try {
    return localStorage.getItem(KEY) !== 'off';
  } catch {
    return true;
  }
}

export function setHandleShown(on: boolean): void {
  handleShown.value = on;
  try {
    localStorage.setItem(KEY, on ? 'on' : 'off');
  } catch {
    // A browser that stores nothing forgets it with the page.
  }
}
