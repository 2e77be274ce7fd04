import type { Theme } from '../api/types';

const KEY = 'oriel.theme';

function isTheme(value: unknown): value is Theme {
  return value === 'system' || value === 'light' || value === 'dark';
}

/** The theme of the last visit: the settings themselves are known only after the login. */
export function rememberedTheme(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return isTheme(value) ? value : 'system';
  } catch {
    return 'system';
  }
}

export function showTheme(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme;
}

/** Shows the user's theme and remembers it; nothing while it is unknown. */
export function applyTheme(theme: Theme | undefined): void {
  if (theme === undefined) {
    return;
  }
  showTheme(theme);
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // A browser that stores nothing shows the theme after the login.
  }
}
