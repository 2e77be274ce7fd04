/**
 * Keeps what the person does in order while one of it has to wait: what comes after waits too.
 * Nothing waits otherwise.
 */
export class InputQueue {
  #waiting: (() => void)[] = [];
  #closed = false;
  #generation = 0;

  /** Runs at once, or after all that waits. */
  run(action: () => void): void {
    if (this.#closed) {
      this.#waiting.push(action);
    } else {
      action();
    }
  }

  /** Runs in its turn, once `ready` has resolved, with what it resolved to. */
  runAfter<T>(ready: Promise<T>, action: (value: T) => void): void {
    this.run(() => {
      this.#closed = true;
      const generation = this.#generation;
      void ready.then((value) => {
        if (generation === this.#generation) {
          this.#closed = false;
          action(value);
          this.#open();
        }
      });
    });
  }

  /** Forgets what waits. */
  forget(): void {
    this.#generation += 1;
    this.#closed = false;
    this.#waiting = [];
  }

  #open(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    // One of them may close the gate again: the rest queues up behind it.
    for (const action of waiting) {
      this.run(action);
    }
  }
}
