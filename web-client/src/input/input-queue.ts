/**
 * Keeps what the user does in order while one of it has to wait: what comes after waits too.
 * Nothing waits otherwise.
 */
export class InputQueue {
  #queued: (() => void)[] = [];
  #blocked = false;
  #generation = 0;

  /** Runs at once, or after all that waits. */
  run(action: () => void): void {
    if (this.#blocked) {
      this.#queued.push(action);
    } else {
      action();
    }
  }

  /** Runs in its turn, once `ready` has resolved, with what it resolved to. */
  runAfter<T>(ready: Promise<T>, action: (value: T) => void): void {
    this.run(() => {
      this.#blocked = true;
      const generation = this.#generation;
      void ready.then((value) => {
        if (generation === this.#generation) {
          this.#blocked = false;
          action(value);
          this.#drain();
        }
      });
    });
  }

  /** Forgets what waits. */
  clear(): void {
    this.#generation += 1;
    this.#blocked = false;
    this.#queued = [];
  }

  #drain(): void {
    const queued = this.#queued;
    this.#queued = [];
    // One of them may block the queue again: the rest queues up behind it.
    for (const action of queued) {
      this.run(action);
    }
  }
}
