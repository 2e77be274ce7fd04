import type { Theme } from '../api/types';

const KEY = 'oriel.theme';

function isTheme(value: unknown): value is Theme {
  return value === 'system' || value === 'light' || value === 'dark';
}

/** Returns the theme of the last visit. The user's settings are loaded only after the login. */
export function storedTheme(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return isTheme(value) ? value : 'system';
  } catch {
    return 'system';
  }
}

/** Applies a theme to the document. */
export function showTheme(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme;
}

/** Applies the user's theme and stores it for the next visit; `undefined`: not loaded, no effect. */
export function applyTheme(theme: Theme | undefined): void {
  if (theme === undefined) {
    return;
  }
  showTheme(theme);
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Without storage, the theme is applied only after the login.
  }
}
