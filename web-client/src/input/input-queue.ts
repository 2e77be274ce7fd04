/**
 * Queue that keeps inputs in order while one of them waits for a promise, such as a paste; inputs pass directly
 * otherwise.
 */
export class InputQueue {
  #queued: (() => void)[] = [];
  #blocked = false;
  #generation = 0;

  /** Runs an action now, or after the queued ones. */
  run(action: () => void): void {
    if (this.#blocked) {
      this.#queued.push(action);
    } else {
      action();
    }
  }

  /**
   * Runs an action in its turn once `ready` has resolved, with the resolved value; later actions wait. `ready` must
   * not reject.
   */
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

  /** Discards the queued actions. */
  clear(): void {
    this.#generation += 1;
    this.#blocked = false;
    this.#queued = [];
  }

  #drain(): void {
    const queued = this.#queued;
    this.#queued = [];
    // An action may block the queue again; `run` then queues the remaining ones.
    for (const action of queued) {
      this.run(action);
    }
  }
}
