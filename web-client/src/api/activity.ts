import { signal } from '@preact/signals';
import { authenticatedCall, loadSession, session } from './session';

/** Minimum interval between two reports of activity. */
const REPORT_EVERY_MS = 20_000;
/** Longest time before the end of a session at which the user is warned. */
const WARN_BEFORE_S = 60;
/** Events that are activity: keys, pointer and touch; neither sound nor a change of the window's size. */
const EVENTS = ['keydown', 'pointerdown', 'pointermove', 'wheel', 'touchstart'] as const;

/** End of the session that is near: its time in milliseconds since the epoch, and whether activity prevents it. */
export interface NearEnd {
  /** Time of the end. */
  readonly at: number;
  /** Whether a key, the pointer or a touch keeps the session open. */
  readonly idle: boolean;
}

/** Near end of the session, about which the user is to be warned; `null`: none. */
export const nearEnd = signal<NearEnd | null>(null);

/** Returns how many seconds before the end the user is warned, for a session with the given limit without activity. */
export function warningTime(idleLimitS: number): number {
  return Math.min(WARN_BEFORE_S, idleLimitS / 2);
}

/**
 * Reports the user's activity to the server and watches for the end of the session, until the returned function is
 * called. Other pages and open desktops report too, so the server is asked before the user is warned.
 */
export function followActivity(): () => void {
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reportedAt = Date.now();
  let ended = false;

  const report = (): void => {
    const now = Date.now();
    const warned = nearEnd.peek()?.idle === true;
    if (!warned && now - reportedAt < REPORT_EVERY_MS) {
      return;
    }
    reportedAt = now;
    // The next report follows an error.
    authenticatedCall('/api/activity', 'POST').then(check, () => undefined);
  };

  /** Asks the server for the time that is left, and decides about a warning and the next check. */
  const check = async (): Promise<void> => {
    clearTimeout(timer);
    try {
      await loadSession();
    } catch {
      schedule(WARN_BEFORE_S * 1000);
      return;
    }
    const current = session.peek();
    if (ended || !current) {
      nearEnd.value = null;
      return;
    }
    const { idle_s: limit, idle_left_s: idleLeft, left_s: left } = current.lifetime;
    const remaining = Math.min(idleLeft, left);
    const warn = warningTime(limit);
    if (remaining > warn) {
      nearEnd.value = null;
      schedule((remaining - warn) * 1000);
    } else {
      nearEnd.value = { at: Date.now() + remaining * 1000, idle: idleLeft <= left };
      // A second later the server has closed the session for certain.
      schedule(Math.min(remaining + 1, 5) * 1000);
    }
  };

  const schedule = (ms: number): void => {
    clearTimeout(timer);
    if (!ended) {
      timer = setTimeout(() => void check(), ms);
    }
  };

  for (const type of EVENTS) {
    document.addEventListener(type, report, { capture: true, passive: true, signal: abort.signal });
  }
  // A computer that slept did not run the timer.
  document.addEventListener('visibilitychange', () => void check(), { signal: abort.signal });
  void check();

  return () => {
    ended = true;
    abort.abort();
    clearTimeout(timer);
    nearEnd.value = null;
  };
}
