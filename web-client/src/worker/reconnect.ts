import type { CloseReason, DisconnectReason } from './messages';

/** Upper bound of the first delay. */
const INITIAL_DELAY_MS = 400;
/** Upper bound of every delay. */
const MAX_DELAY_MS = 15_000;

/**
 * Exponential back-off with jitter. Half of each delay is fixed and half random, so that the clients of a restarted
 * server do not reconnect at once.
 */
export class Backoff {
  #attempt = 0;

  /** Number of delays returned since the last reset. */
  get attempt(): number {
    return this.#attempt;
  }

  /** Returns the next delay in milliseconds; `random` is in [0, 1). */
  next(random: number): number {
    const full = Math.min(MAX_DELAY_MS, INITIAL_DELAY_MS * 2 ** this.#attempt);
    this.#attempt += 1;
    return Math.round(full / 2 + (full / 2) * random);
  }

  /** Starts again with the shortest delay, after a success. */
  reset(): void {
    this.#attempt = 0;
  }
}

/** Decision after a lost connection: to retry after `afterMs` (`null`: after the back-off's delay), or to end. */
export type ReconnectDecision =
  | { readonly action: 'retry'; readonly reason: DisconnectReason; readonly afterMs: number | null }
  | { readonly action: 'end'; readonly code: CloseReason; readonly text: string };

/** Decides on a Closed message by its code. */
export function decideOnClosed(code: string, text: string): ReconnectDecision {
  switch (code) {
    case 'stopped':
    case 'replaced':
    case 'version':
      return { action: 'end', code, text };
    // `malformed` and `internal` are faults of one connection. After `forbidden`, the response to the next
    // ticket request distinguishes an ended session from a missing permission.
    default:
      return { action: 'retry', reason: 'restarting', afterMs: null };
  }
}

/** Decides on the close code of a WebSocket that ended without a Closed message (RFC 6455, section 7.4). */
export function decideOnSocketClose(code: number): ReconnectDecision {
  const GOING_AWAY = 1001;
  const SERVICE_RESTART = 1012;
  const TRY_AGAIN_LATER = 1013;
  const restarting = code === GOING_AWAY || code === SERVICE_RESTART || code === TRY_AGAIN_LATER;
  return { action: 'retry', reason: restarting ? 'restarting' : 'network', afterMs: null };
}

/**
 * Decides on a refused ticket by its HTTP status; `null`: there was no response. `closedText` is the reason that the
 * server gave when it closed the connection before and took the right away; `null`: it gave none.
 */
export function decideOnTicketError(
  status: number | null,
  text: string,
  retryAfterS: number | null,
  closedText: string | null = null,
): ReconnectDecision {
  switch (status) {
    case null:
      return { action: 'retry', reason: 'network', afterMs: null };
    case 401:
      return { action: 'end', code: 'login', text: closedText ?? 'Your session has ended. Log in again to come back to this desktop.' };
    case 403:
      return { action: 'end', code: 'forbidden', text: closedText ?? text };
    case 404:
      return closedText === null
        ? { action: 'end', code: 'not_found', text: 'This desktop does not exist, or is not yours.' }
        : { action: 'end', code: 'forbidden', text: closedText };
    case 429:
      return { action: 'retry', reason: 'restarting', afterMs: (retryAfterS ?? 5) * 1000 };
    default:
      return status >= 500
        ? { action: 'retry', reason: 'restarting', afterMs: null }
        : { action: 'end', code: 'failed', text };
  }
}
