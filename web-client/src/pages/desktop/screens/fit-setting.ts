import { signal } from '@preact/signals';

const KEY = 'oriel.fit';

/**
 * Whether the guest's screens follow the windows that show them. Kept in the browser: whether it is
 * wanted depends on the monitor in front of the person.
 */
export const fitsWindow = signal(remembered());

function remembered(): boolean {
  try {
    return localStorage.getItem(KEY) !== 'off';
  } catch {
    return true;
  }
}

window.addEventListener('storage', ({ key }) => {
  if (key === KEY) {
    fitsWindow.value = remembered();
  }
});

export function setFitsWindow(on: boolean): void {
  fitsWindow.value = on;
  try {
    localStorage.setItem(KEY, on ? 'on' : 'off');
  } catch {
    // A browser that stores nothing forgets it with the page.
  }
}
