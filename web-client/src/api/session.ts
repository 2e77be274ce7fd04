import { computed, signal } from '@preact/signals';
import { ApiError, call } from './http';
import type { Session, Settings } from './types';

/** Current session; `null`: logged out, `undefined`: not loaded yet. */
export const session = signal<Session | null | undefined>(undefined);

/** Reason for which the last session ended, in one sentence for the login page; `null`: none. */
export const sessionEndText = signal<string | null>(null);

/** Settings of the user; `null` without a session. */
export const settings = computed(() => session.value?.settings ?? null);

/** Returns the CSRF token of the session. */
function csrf(): string {
  return session.peek()?.csrf ?? '';
}

/**
 * Calls the API in the session. Throws {@link ApiError}; an ended session is also cleared, which leads to the login
 * page.
 */
export async function authenticatedCall(path: string, method: 'GET' | 'POST' | 'PUT', body?: unknown): Promise<unknown> {
  try {
    return await call(path, method === 'GET' ? { method } : { method, csrf: csrf(), body: body ?? {} });
  } catch (error) {
    if (error instanceof ApiError && error.code === 'login_required') {
      endSession();
    }
    throw error;
  }
}

/** Loads the current session. Throws {@link ApiError} unless the response is 200 or 401. */
export async function loadSession(): Promise<void> {
  try {
    session.value = (await call('/api/session')) as Session;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) {
      throw error;
    }
    endSession();
  }
}

/** Clears the session after its end, which leads to the login page, with the reason in one sentence. */
export function endSession(reason: string | null = null): void {
  const previous = session.peek();
  if (previous) {
    sessionEndText.value = reason ?? 'Your session has ended, without a key, the pointer or a touch for long, or by its age.';
  }
  session.value = null;
}

/** Logs in with name and password. Throws {@link ApiError}. */
export async function logIn(name: string, password: string): Promise<void> {
  const answer = (await call('/api/login', { method: 'POST', body: { name, password } })) as {
    readonly state: string;
    readonly session?: Session;
  };
  if (answer.session === undefined) {
    throw new ApiError(null, 'unsupported', 'This account asks for a second factor, which this page does not know.');
  }
  sessionEndText.value = null;
  session.value = answer.session;
}

/** Ends the session on the server and clears it here. Throws {@link ApiError}. */
export async function logOut(): Promise<void> {
  await authenticatedCall('/api/logout', 'POST');
  session.value = null;
  sessionEndText.value = null;
}

/** Changes the user's password from `old` to `fresh`; other sessions end. Throws {@link ApiError}. */
export async function changePassword(old: string, fresh: string): Promise<void> {
  await authenticatedCall('/api/password', 'POST', { old, new: fresh });
}

/** Stores the changed fields on the server and in the session. Throws {@link ApiError}. */
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
