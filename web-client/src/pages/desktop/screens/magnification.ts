import { signal } from '@preact/signals';

const KEY = 'oriel.magnification';

/** Device pixels for each pixel of a screen that follows its window. */
export const MAGNIFICATIONS = [1, 1.5, 2] as const;

/** How large things are shown. Kept in the browser: it depends on the monitor and the eyes before it. */
export const magnification = signal(remembered());

function remembered(): number {
  try {
    const stored = Number(localStorage.getItem(KEY));
    return MAGNIFICATIONS.find((value) => value === stored) ?? 1;
  } catch {
    return 1;
  }
}

window.addEventListener('storage', ({ key }) => {
  if (key === KEY) {
    magnification.value = remembered();
  }
});

export function setMagnification(value: number): void {
  magnification.value = value;
  try {
    localStorage.setItem(KEY, String(value));
  } catch {
    // A browser that stores nothing forgets it with the page.
  }
}
