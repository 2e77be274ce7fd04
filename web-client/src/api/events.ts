import { onOrigin } from '../base-path';
import { live, loadDesktops, removeDesktop, updateDesktop } from './desktops';
import { ApiError } from './http';
import type { Desktop } from './types';

/** Interval of polling while events are not connected. */
const POLL_EVERY_MS = 4000;
/** Delay before connecting to the events again. */
const RETRY_EVERY_MS = 5000;

/**
 * Keeps the list of desktops current until the returned function is called: by the server's events, or by polling
 * while they are not connected. `onError` receives each error, and `null` after a success.
 */
export function followDesktops(onError: (error: ApiError | null) => void): () => void {
  let socket: WebSocket | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let over = false;

  const load = async (): Promise<void> => {
    try {
      await loadDesktops();
      onError(null);
    } catch (error) {
      if (!over && error instanceof ApiError) {
        onError(error);
      }
    }
  };

  const connect = (): void => {
    const url = new URL(onOrigin('/api/events'), location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    socket = new WebSocket(url);
    socket.onopen = () => {
      live.value = true;
      // Events do not report removals during the disconnection: load the whole list.
      void load();
    };
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      const { desktop, removed } = parseEvent(data);
      if (desktop !== undefined) {
        updateDesktop(desktop);
      }
      if (removed !== undefined) {
        removeDesktop(removed);
      }
    };
    socket.onclose = () => {
      live.value = false;
      if (!over) {
        retry = setTimeout(connect, RETRY_EVERY_MS);
      }
    };
  };

  const poll = setInterval(() => {
    if (!live.value && !document.hidden) {
      void load();
    }
  }, POLL_EVERY_MS);
  void load();
  connect();

  return () => {
    over = true;
    clearInterval(poll);
    clearTimeout(retry);
    socket?.close();
    live.value = false;
  };
}

/** Event of the server: a desktop that changed, or the identifier of one that is not the user's any more. */
interface DesktopEvent {
  readonly desktop?: Desktop;
  readonly removed?: string;
}

/** Parses an event; empty if it concerns no desktop. */
function parseEvent(data: unknown): DesktopEvent {
  if (typeof data !== 'string') {
    return {};
  }
  try {
    return JSON.parse(data) as DesktopEvent;
  } catch {
    return {};
  }
}
