import { computed, signal } from '@preact/signals';
import { authenticatedCall } from './session';
import type { Desktop, PowerAction } from './types';

/** Desktops by identifier; `null` until the list is loaded. */
const byId = signal<ReadonlyMap<string, Desktop> | null>(null);

/** Desktops of the user, sorted by name; `null` until the list is loaded. */
export const desktops = computed(() =>
  byId.value === null ? null : [...byId.value.values()].sort((a, b) => a.name.localeCompare(b.name)),
);

/** Whether the server's events are connected, so that changes arrive without polling. */
export const live = signal(false);

/** Returns a desktop by its identifier; `undefined` if it is unknown or the list is not loaded. */
export function findDesktop(id: string): Desktop | undefined {
  return byId.value?.get(id);
}

/** Adds or replaces a desktop in the list. */
export function updateDesktop(desktop: Desktop): void {
  byId.value = new Map(byId.peek()).set(desktop.id, desktop);
}

/** Removes a desktop from the list, whose access was withdrawn. */
export function removeDesktop(id: string): void {
  const rest = new Map(byId.peek());
  rest.delete(id);
  byId.value = rest;
}

/** Clears the list, at the end of a session. */
export function clearDesktops(): void {
  byId.value = null;
  live.value = false;
}

/** Loads the list of desktops. Throws `ApiError`. */
export async function loadDesktops(): Promise<void> {
  const list = (await authenticatedCall('/api/desktops', 'GET')) as readonly Desktop[];
  byId.value = new Map(list.map((desktop) => [desktop.id, desktop]));
}

/** Starts a power action; its progress follows from the desktop's state. Throws `ApiError`. */
export async function power(id: string, action: PowerAction): Promise<void> {
  const [verb, body] = action === 'force-stop' ? ['stop', { force: true }] : [action, {}];
  const answer = await authenticatedCall(`/api/desktops/${encodeURIComponent(id)}/${verb}`, 'POST', body);
  if (typeof answer === 'object' && answer !== null && 'id' in answer) {
    updateDesktop(answer as Desktop);
  }
}
