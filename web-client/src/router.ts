import { signal } from '@preact/signals';

/** The page's address within the application. */
export const path = signal(location.pathname);

window.addEventListener('popstate', () => {
  path.value = location.pathname;
});

/** Goes to another page; `replace` leaves no way back to this one. */
export function navigate(to: string, { replace = false } = {}): void {
  if (replace) {
    history.replaceState(null, '', to);
  } else {
    history.pushState(null, '', to);
  }
  path.value = location.pathname;
}

/** Lets links work as links (a new tab, a copied address) and stay on this page when plainly clicked. */
export function followLink(event: MouseEvent): void {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (plain && event.currentTarget instanceof HTMLAnchorElement) {
    event.preventDefault();
    navigate(event.currentTarget.pathname + event.currentTarget.search);
  }
}

export function desktopPath(id: string): string {
  return `/desktop/${encodeURIComponent(id)}`;
}

/** Where to go after the login: only ever a page of this application. */
export function nextAfterLogin(search: string): string {
  const next = new URLSearchParams(search).get('next') ?? '/';
  return /^\/(desktop\/[\w-]+)?$/.test(next) ? next : '/';
}
