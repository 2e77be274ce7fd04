/** Calls of the server's HTTP API. Used by the page and by the worker. */

/** The server refused, or could not be reached (`status` is `null`). `message` is fit to be shown. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number | null;
  readonly code: string;
  readonly retryAfterS: number | null;

  constructor(status: number | null, code: string, text: string, retryAfterS: number | null = null) {
    super(text);
    this.status = status;
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT';
  /** Needed for whatever changes something. */
  readonly csrf?: string;
  readonly body?: unknown;
}

/** Answers the response's JSON, `null` when it has none; throws {@link ApiError}. */
export async function call(path: string, { method = 'GET', csrf, body }: Call = {}): Promise<unknown> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (csrf !== undefined) {
    headers['X-Oriel-CSRF'] = csrf;
  }
  const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store' };
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new ApiError(null, 'unreachable', 'The server cannot be reached. Check your network connection.');
  }
  const value = await readJson(response);
  if (!response.ok) {
    throw refusal(response, value);
  }
  return value;
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return (await response.json()) as unknown;
  } catch {
    return null;
  }
}

function refusal(response: Response, value: unknown): ApiError {
  const { code, text } = errorOf(value);
  const retryAfter = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
  return new ApiError(
    response.status,
    code ?? 'internal',
    text ?? `The server answered with an error (${response.status}). Try again.`,
    Number.isNaN(retryAfter) ? null : retryAfter,
  );
}

function errorOf(value: unknown): { code?: string; text?: string } {
  if (typeof value === 'object' && value !== null && 'error' in value) {
    const { error } = value;
    if (typeof error === 'object' && error !== null) {
      return error;
    }
  }
  return {};
}

export interface Ticket {
  readonly ticket: string;
  readonly expires_in_s: number;
}

/** A single-use ticket for the stream of a desktop. */
export async function fetchTicket(id: string, mode: 'interact' | 'watch', csrf: string): Promise<Ticket> {
  const path = `/api/desktops/${encodeURIComponent(id)}/ticket`;
  return (await call(path, { method: 'POST', csrf, body: { mode } })) as Ticket;
}
