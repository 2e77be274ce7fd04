import type { CloseReason, DisconnectReason } from './messages';

const INITIAL_DELAY_MS = 400;
const MAX_DELAY_MS = 15_000;

/**
 * Exponential back-off with jitter: half of the delay is fixed, half is random, so that the clients
 * of a server that restarts do not all come back at once.
 */
export class Backoff {
  #attempt = 0;

  /** How many delays were handed out since the last success. */
  get attempt(): number {
    return this.#attempt;
  }

  /** The next delay in milliseconds; `random` lies in [0, 1). */
  next(random: number): number {
    const full = Math.min(MAX_DELAY_MS, INITIAL_DELAY_MS * 2 ** this.#attempt);
    this.#attempt += 1;
    return Math.round(full / 2 + (full / 2) * random);
  }

  reset(): void {
    this.#attempt = 0;
  }
}

/** What to do about a connection that is gone. */
export type ReconnectDecision =
  | { readonly action: 'retry'; readonly reason: DisconnectReason; readonly afterMs: number | null }
  | { readonly action: 'end'; readonly code: CloseReason; readonly text: string };

/** Judges a Closed message. */
export function decideOnClosed(code: string, text: string): ReconnectDecision {
  switch (code) {
    case 'stopped':
    case 'replaced':
    case 'version':
      return { action: 'end', code, text };
    // `malformed` and `internal` are faults of one connection: the next one starts afresh. After
    // `forbidden` the next ticket tells whether it is the session that ended or the permission.
    default:
      return { action: 'retry', reason: 'restarting', afterMs: null };
  }
}

/** Judges the close code of a WebSocket that ended without a Closed message (RFC 6455, section 7.4). */
export function decideOnSocketClose(code: number): ReconnectDecision {
  const GOING_AWAY = 1001;
  const SERVICE_RESTART = 1012;
  const TRY_AGAIN_LATER = 1013;
  const restarting = code === GOING_AWAY || code === SERVICE_RESTART || code === TRY_AGAIN_LATER;
  return { action: 'retry', reason: restarting ? 'restarting' : 'network', afterMs: null };
}

/** Judges a refused ticket by its HTTP status; `null` when no answer came at all. */
export function decideOnTicketError(status: number | null, text: string, retryAfterS: number | null): ReconnectDecision {
  switch (status) {
    case null:
      return { action: 'retry', reason: 'network', afterMs: null };
    case 401:
      return { action: 'end', code: 'login', text: 'Your session has ended. Log in again to come back to this desktop.' };
    case 403:
      return { action: 'end', code: 'forbidden', text };
    case 404:
      return { action: 'end', code: 'not_found', text: 'This desktop does not exist, or is not yours.' };
    case 429:
      return { action: 'retry', reason: 'restarting', afterMs: (retryAfterS ?? 5) * 1000 };
    default:
      return status >= 500
        ? { action: 'retry', reason: 'restarting', afterMs: null }
        : { action: 'end', code: 'failed', text };
  }
}
