/** Bytes on the way at first. */
const INITIAL_WINDOW = 16 * 1024;
const MIN_WINDOW = 4 * 1024;
const MAX_WINDOW = 512 * 1024;
/** A key may wait for so long behind what is on the way, beside the way itself. */
const TARGET_DELAY_MS = 100;
/** A piece is this part of what may be on the way: the line is never empty, and never full of one piece. */
const CHUNKS_PER_WINDOW = 4;
const MIN_CHUNK = 2 * 1024;

/**
 * How much of clipboard and files may be on its way to the server, so that keys do not wait behind it: as much as comes
 * there {@link TARGET_DELAY_MS} later than it would on an empty line, after LEDBAT (RFC 6817). What has come is learnt from pings.
 */
export class SendPacer {
  readonly #ping: () => Promise<boolean>;
  readonly #now: () => number;
  #window = INITIAL_WINDOW;
  #inFlight = 0;
  #baseDelay = Infinity;
  /** It was never too much: the window doubles with every round trip. */
  #slowStart = true;
  #decreasedAt = -Infinity;
  #waiters: (() => void)[] = [];

  /** `ping` resolves once the server has read all that was sent so far; false: there is no connection any more. */
  constructor(ping: () => Promise<boolean>, now: () => number = () => performance.now()) {
    this.#ping = ping;
    this.#now = now;
  }

  /** Bytes of the next piece, at most `most`. */
  chunkSize(most: number): number {
    return Math.min(most, Math.max(MIN_CHUNK, Math.floor(this.#window / CHUNKS_PER_WINDOW)));
  }

  /** Resolves once a piece more may be sent. */
  async ready(): Promise<void> {
    while (this.#inFlight >= this.#window) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** A piece was sent. */
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

  #adjustWindow(bytes: number, at: number): void {
    const now = this.#now();
    const delay = now - at;
    this.#baseDelay = Math.min(delay, this.#baseDelay);
    const queueingDelay = delay - this.#baseDelay;
    if (queueingDelay > TARGET_DELAY_MS) {
      this.#slowStart = false;
      if (this.#window === MIN_WINDOW) {
        // So little keeps nobody waiting: the way has become longer.
        this.#baseDelay = delay;
      }
      // Once for all that was on the way at that time.
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
