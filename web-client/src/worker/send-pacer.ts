/** Initial window: bytes that may be in flight. */
const INITIAL_WINDOW = 16 * 1024;
const MIN_WINDOW = 4 * 1024;
const MAX_WINDOW = 512 * 1024;
/** Queueing delay in milliseconds that the transfers may add to an input. */
const TARGET_DELAY_MS = 100;
/** Number of chunks in a window: the path stays busy, and no single chunk fills the window. */
const CHUNKS_PER_WINDOW = 4;
const MIN_CHUNK = 2 * 1024;

/**
 * Congestion control of clipboard and file transfers, after LEDBAT (RFC 6817): the window of bytes in flight grows
 * until the queueing delay reaches {@link TARGET_DELAY_MS}, so that inputs are not delayed further.
 * Delay is measured as round-trip time of pings sent after each chunk.
 */
export class SendPacer {
  readonly #ping: () => Promise<boolean>;
  readonly #now: () => number;
  #window = INITIAL_WINDOW;
  #inFlight = 0;
  /** Shortest delay so far in milliseconds: that of the path without a queue. */
  #baseDelay = Infinity;
  /** Whether the window still doubles with each round trip, as before the first excess of the target. */
  #slowStart = true;
  /** Time of the latest decrease of the window. */
  #decreasedAt = -Infinity;
  #waiters: (() => void)[] = [];

  /**
   * Creates a pacer. `ping` resolves with `true` once the server has read everything sent so far, with `false` if the
   * connection ended; `now` returns milliseconds.
   */
  constructor(ping: () => Promise<boolean>, now: () => number = () => performance.now()) {
    this.#ping = ping;
    this.#now = now;
  }

  /** Returns the size of the next chunk in bytes, at most `most`. */
  chunkSize(most: number): number {
    return Math.min(most, Math.max(MIN_CHUNK, Math.floor(this.#window / CHUNKS_PER_WINDOW)));
  }

  /** Resolves once a further chunk may be sent. */
  async ready(): Promise<void> {
    while (this.#inFlight >= this.#window) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Counts a chunk of `bytes` as in flight, and pings to learn when it was read. */
  sent(bytes: number): void {
    const at = this.#now();
    this.#inFlight += bytes;
    void this.#ping().then((arrived) => {
      this.#inFlight -= bytes;
      if (arrived) {
        this.#adjustWindow(bytes, at);
      }
      const waiting = this.#waiters;
      this.#waiters = [];
      for (const resume of waiting) {
        resume();
      }
    });
  }

  /** Adjusts the window after a chunk of `bytes`, sent at `at`, was read. */
  #adjustWindow(bytes: number, at: number): void {
    const now = this.#now();
    const delay = now - at;
    this.#baseDelay = Math.min(delay, this.#baseDelay);
    const queueingDelay = delay - this.#baseDelay;
    if (queueingDelay > TARGET_DELAY_MS) {
      this.#slowStart = false;
      if (this.#window === MIN_WINDOW) {
        // The smallest window cannot cause a queue: the delay of the path itself has increased.
        this.#baseDelay = delay;
      }
      // One decrease for all chunks that were in flight at that time.
      if (at > this.#decreasedAt) {
        this.#decreasedAt = now;
        this.#window = Math.max(MIN_WINDOW, this.#window * Math.max(0.5, TARGET_DELAY_MS / queueingDelay));
      }
    } else {
      const share = this.#slowStart ? 1 : (MIN_CHUNK / this.#window) * (1 - queueingDelay / TARGET_DELAY_MS) * CHUNKS_PER_WINDOW;
      this.#window = Math.min(MAX_WINDOW, this.#window + bytes * share);
    }
  }
}
