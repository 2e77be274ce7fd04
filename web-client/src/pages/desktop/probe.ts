import type { Rect } from '../../protocol/bytes';
import type { Stats } from '../../worker/messages';
import type { WorkerClient } from './worker-client';

/** What `?probe=1` offers to tests and benchmarks: to look, and nothing else. */
interface Probe {
  /** How the connection stands: the `state` of `ConnectionState`. */
  readonly state: () => string;
  /** `null` while there is no connection. */
  readonly stats: () => Promise<Stats | null>;
  /** SHA-256, in hexadecimal, of a rectangle's pixels (red, green, blue, alpha); `null` off the screen. */
  readonly hash: (x: number, y: number, width: number, height: number) => Promise<string | null>;
  /** The pixels themselves. */
  readonly pixels: (x: number, y: number, width: number, height: number) => Promise<Uint8ClampedArray | null>;
}

declare global {
  interface Window {
    orielTest?: Probe;
  }
}

/** Offers the probe where the address asks for it; returns what takes it away. */
export function installProbe(worker: WorkerClient): () => void {
  if (new URLSearchParams(location.search).get('probe') !== '1') {
    return () => undefined;
  }
  const rect = (x: number, y: number, width: number, height: number): Rect => ({ x, y, width, height });
  window.orielTest = {
    state: () => worker.connection.peek().state,
    stats: async () => (await worker.request({ kind: 'stats' })) as Stats | null,
    hash: async (...at) => (await worker.request({ kind: 'hash', rect: rect(...at) })) as string | null,
    pixels: async (...at) => (await worker.request({ kind: 'pixels', rect: rect(...at) })) as Uint8ClampedArray | null,
  };
  return () => {
    delete window.orielTest;
  };
}
