import type { Rect } from '../../protocol/bytes';
import type { Stats } from '../../worker/messages';
import type { WorkerClient } from './worker-client';

/** Read-only interface for tests and benchmarks, as `window.orielTest` with `?probe=1`. */
interface Probe {
  /** Returns the `state` of the `ConnectionState`. */
  readonly state: () => string;
  /** Returns the statistics; `null` without a connection. */
  readonly stats: () => Promise<Stats | null>;
  /** Computes the SHA-256 of a rectangle's RGBA pixels, in hexadecimal; `null` outside of the screen. */
  readonly hash: (x: number, y: number, width: number, height: number) => Promise<string | null>;
  /** Reads the RGBA pixels of a rectangle; `null` outside of the screen. */
  readonly pixels: (x: number, y: number, width: number, height: number) => Promise<Uint8ClampedArray | null>;
}

declare global {
  interface Window {
    orielTest?: Probe;
  }
}

/** Installs the probe if the page's query requests it; returns its removal. */
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
