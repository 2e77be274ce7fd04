import { signal } from '@preact/signals';
import { onOrigin, withinApplication } from './base-path';

/** Path of the page within the application; follows navigation and the browser's history. */
export const path = signal(withinApplication(location.pathname));

window.addEventListener('popstate', () => {
  path.value = withinApplication(location.pathname);
});

/** Navigates to a path within the application. With `replace`, the current history entry is replaced. */
export function navigate(to: string, { replace = false } = {}): void {
  if (replace) {
    history.replaceState(null, '', onOrigin(to));
  } else {
    history.pushState(null, '', onOrigin(to));
  }
  path.value = withinApplication(location.pathname);
}

/**
 * Click handler of links: a plain click navigates within the application. Clicks with modifiers keep the browser's
 * behaviour, such as a new tab.
 */
export function followLink(event: MouseEvent): void {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (plain && event.currentTarget instanceof HTMLAnchorElement) {
    event.preventDefault();
    navigate(withinApplication(event.currentTarget.pathname) + event.currentTarget.search);
  }
}

/** Builds the URL of a desktop's page, without the origin. */
export function desktopUrl(id: string): string {
  return onOrigin(`/desktop/${encodeURIComponent(id)}`);
}

/**
 * Returns the path to open after the login, from the `next` parameter of a query string. Only paths of this
 * application are accepted: anything else would be an open redirect.
 */
export function nextAfterLogin(search: string): string {
  const next = new URLSearchParams(search).get('next') ?? '/';
  return /^\/(desktop\/[\w-]+)?$/.test(next) ? next : '/';
}
