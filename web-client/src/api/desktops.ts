import { computed, signal } from '@preact/signals';
import { authenticatedCall } from './session';
import type { Desktop, PowerAction } from './types';

const byId = signal<ReadonlyMap<string, Desktop> | null>(null);

/** The user's desktops by name; `null` until they are known. */
export const desktops = computed(() =>
  byId.value === null ? null : [...byId.value.values()].sort((a, b) => a.name.localeCompare(b.name)),
);

/** Whether changes arrive as they happen. */
export const live = signal(false);

export function findDesktop(id: string): Desktop | undefined {
  return byId.value?.get(id);
}

export function updateDesktop(desktop: Desktop): void {
  byId.value = new Map(byId.peek()).set(desktop.id, desktop);
}

export function forgetDesktops(): void {
  byId.value = null;
  live.value = false;
}

export async function loadDesktops(): Promise<void> {
  const list = (await authenticatedCall('/api/desktops', 'GET')) as readonly Desktop[];
  byId.value = new Map(list.map((desktop) => [desktop.id, desktop]));
}

/** Starts a power action; how it goes on comes with the desktop's state. */
export async function power(id: string, action: PowerAction): Promise<void> {
  const [verb, body] = action === 'force-stop' ? ['stop', { force: true }] : [action, {}];
  const answer = await authenticatedCall(`/api/desktops/${encodeURIComponent(id)}/${verb}`, 'POST', body);
  if (typeof answer === 'object' && answer !== null && 'id' in answer) {
    updateDesktop(answer as Desktop);
  }
}
