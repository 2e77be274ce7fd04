/** Connection as clipboard and file transfers use it: their chunks wait, so that inputs are not delayed. */
export interface TransferChannel {
  /** Sends a short message at once. */
  readonly send: (message: ArrayBuffer) => void;
  /** Returns the size of the next chunk in bytes. */
  readonly chunkSize: () => number;
  /** Sends a chunk; to be called after `readyForChunk` has resolved with `true`. */
  readonly sendChunk: (message: ArrayBuffer) => void;
  /** Resolves with `true` once a further chunk may be sent, with `false` if the connection has ended. */
  readonly readyForChunk: () => Promise<boolean>;
  /** Resolves with `true` once the server has read everything sent so far, with `false` if the connection has ended. */
  readonly roundTrip: () => Promise<boolean>;
}
