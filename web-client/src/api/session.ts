import { computed, signal } from '@preact/signals';
import { ApiError, call } from './http';
import type { Session, Settings } from './types';

/** `undefined` until the server has said whether somebody is logged in. */
export const session = signal<Session | null | undefined>(undefined);

export const settings = computed(() => session.value?.settings ?? null);

function csrf(): string {
  return session.peek()?.csrf ?? '';
}

/** A call in the user's name; a session that has ended leads back to the login. */
export async function authenticatedCall(path: string, method: 'GET' | 'POST' | 'PUT', body?: unknown): Promise<unknown> {
  try {
    return await call(path, method === 'GET' ? { method } : { method, csrf: csrf(), body: body ?? {} });
  } catch (error) {
    if (error instanceof ApiError && error.code === 'login_required') {
      session.value = null;
    }
    throw error;
  }
}

/** Asks who is logged in; throws {@link ApiError} when the server cannot say. */
export async function loadSession(): Promise<void> {
  try {
    session.value = (await call('/api/session')) as Session;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) {
      throw error;
    }
    session.value = null;
  }
}

export async function logIn(name: string, password: string): Promise<void> {
  const answer = (await call('/api/login', { method: 'POST', body: { name, password } })) as {
    readonly state: string;
    readonly session?: Session;
  };
  if (answer.session === undefined) {
    throw new ApiError(null, 'unsupported', 'This account asks for a second factor, which this page does not know.');
  }
  session.value = answer.session;
}

export async function logOut(): Promise<void> {
  await authenticatedCall('/api/logout', 'POST');
  session.value = null;
}

export async function changePassword(old: string, fresh: string): Promise<void> {
  await authenticatedCall('/api/password', 'POST', { old, new: fresh });
}

/** Stores the changed fields. */
export async function saveSettings(change: Partial<Settings>): Promise<void> {
  const current = session.peek();
  if (current) {
    const stored = (await authenticatedCall('/api/settings', 'PUT', { ...current.settings, ...change })) as Settings;
    const newest = session.peek();
    if (newest) {
      session.value = { ...newest, settings: stored };
    }
  }
}
