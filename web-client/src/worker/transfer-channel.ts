/** One connection, as clipboard and files use it: what is long waits for what is urgent. */
export interface TransferChannel {
  readonly send: (message: ArrayBuffer) => void;
  /** Bytes of the next chunk of something long. */
  readonly chunkSize: () => number;
  /** Sends such a chunk, after `clear`. */
  readonly sendChunk: (message: ArrayBuffer) => void;
  /** Resolves once little waits to be sent and little is on the way, so that a long answer delays no key; false: the connection is over. */
  readonly readyForChunk: () => Promise<boolean>;
  /** Resolves once the server has read everything sent so far; false: the connection is over. */
  readonly roundTrip: () => Promise<boolean>;
}
