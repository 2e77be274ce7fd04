/** Client of the server's HTTP API (docs/http-api.md), used by the page and by the worker. */
import { onOrigin } from '../base-path';

/** Error response of the server, or its absence (`status` is `null`). `message` is a sentence for the user. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status; `null`: no response. */
  readonly status: number | null;
  /** Error code of the API. */
  readonly code: string;
  /** `Retry-After` header in seconds; `null` without one. */
  readonly retryAfterS: number | null;

  /** Creates an error; `text` becomes its message. */
  constructor(status: number | null, code: string, text: string, retryAfterS: number | null = null) {
    super(text);
    this.status = status;
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

/** Options of a call. */
interface Call {
  /** HTTP method; GET by default. */
  readonly method?: 'GET' | 'POST' | 'PUT';
  /** CSRF token, required by methods that change state. */
  readonly csrf?: string;
  /** Value to be sent as JSON. */
  readonly body?: unknown;
}

/** Calls a path of the API and returns the JSON of the response, `null` without a body. Throws {@link ApiError}. */
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
    response = await fetch(onOrigin(path), init);
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

/** Builds the error of a response. */
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

/** Extracts code and text from the JSON of an error response. */
function errorOf(value: unknown): { code?: string; text?: string } {
  if (typeof value === 'object' && value !== null && 'error' in value) {
    const { error } = value;
    if (typeof error === 'object' && error !== null) {
      return error;
    }
  }
  return {};
}

/** Ticket for the stream of a desktop. */
export interface Ticket {
  /** Ticket, valid for one connection. */
  readonly ticket: string;
  /** Validity in seconds. */
  readonly expires_in_s: number;
}

/** Obtains a single-use ticket for the stream of a desktop. Throws {@link ApiError}. */
export async function fetchTicket(id: string, mode: 'interact' | 'watch', csrf: string): Promise<Ticket> {
  const path = `/api/desktops/${encodeURIComponent(id)}/ticket`;
  return (await call(path, { method: 'POST', csrf, body: { mode } })) as Ticket;
}
