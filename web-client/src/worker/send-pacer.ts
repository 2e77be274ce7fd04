/** Bytes on the way at first. */
const START = 16 * 1024;
const LEAST = 4 * 1024;
const MOST = 512 * 1024;
/** A key may wait for so long behind what is on the way, beside the way itself. */
const WAIT_MS = 100;
/** A piece is this part of what may be on the way: the line is never empty, and never full of one piece. */
const PARTS = 4;
const LEAST_PIECE = 2 * 1024;

/**
 * How much of clipboard and files may be on its way to the server, so that keys do not wait behind it: as much as comes
 * there {@link WAIT_MS} later than it would on an empty line, after LEDBAT (RFC 6817). What has come is learnt from pings.
 */
export class SendPacer {
  readonly #ping: () => Promise<boolean>;
  readonly #now: () => number;
  #window = START;
  #onWay = 0;
  #quickest = Infinity;
  /** It was never too much: the window doubles with every round trip. */
  #opening = true;
  #narrowed = -Infinity;
  #wake: (() => void)[] = [];

  /** `ping` resolves once the server has read all that was sent so far; false: there is no connection any more. */
  constructor(ping: () => Promise<boolean>, now: () => number = () => performance.now()) {
    this.#ping = ping;
    this.#now = now;
  }

  /** Bytes of the next piece, at most `most`. */
  piece(most: number): number {
    return Math.min(most, Math.max(LEAST_PIECE, Math.floor(this.#window / PARTS)));
  }

  /** Resolves once a piece more may be sent. */
  async room(): Promise<void> {
    while (this.#onWay >= this.#window) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** A piece was sent. */
  sent(bytes: number): void {
    const at = this.#now();
    this.#onWay += bytes;
    void this.#ping().then((arrived) => {
      this.#onWay -= bytes;
      if (arrived) {
        this.#learn(bytes, at);
      }
      const waiting = this.#wake;
      this.#wake = [];
      for (const wake of waiting) {
        wake();
      }
    });
  }

  #learn(bytes: number, at: number): void {
    const now = this.#now();
    const took = now - at;
    this.#quickest = Math.min(took, this.#quickest);
    const waited = took - this.#quickest;
    if (waited > WAIT_MS) {
      this.#opening = false;
      if (this.#window === LEAST) {
        // So little keeps nobody waiting: the way has become longer.
        this.#quickest = took;
      }
      // Once for all that was on the way at that time.
      if (at > this.#narrowed) {
        this.#narrowed = now;
        this.#window = Math.max(LEAST, this.#window * Math.max(0.5, WAIT_MS / waited));
      }
    } else {
      const share = this.#opening ? 1 : (LEAST_PIECE / this.#window) * (1 - waited / WAIT_MS) * PARTS;
      this.#window = Math.min(MOST, this.#window + bytes * share);
    }
  }
}
