import { signal } from '@preact/signals';

/** How a setting is written into the browser's storage. */
interface Spelling<T> {
  readonly key: string;
  /** What is stored as a value; `null`, where nothing is, becomes the value at first. */
  readonly read: (stored: string | null) => T;
  readonly write: (value: T) => string;
}

/**
 * A choice that depends on the device in front of the user and not on who they are, so it is kept in the browser.
 * Reading `value` subscribes, as with any signal; setting it stores it.
 */
export class StoredSetting<T> {
  readonly #spelling: Spelling<T>;
  readonly #now;

  constructor(spelling: Spelling<T>) {
    this.#spelling = spelling;
    this.#now = signal(this.#stored());
  }

  get value(): T {
    return this.#now.value;
  }

  set value(value: T) {
    this.#now.value = value;
    try {
      localStorage.setItem(this.#spelling.key, this.#spelling.write(value));
    } catch {
      // A browser that stores nothing forgets it with the page.
    }
  }

  /** Changes with other windows of this browser. */
  followOthers(): this {
    window.addEventListener('storage', ({ key }) => {
      if (key === this.#spelling.key) {
        this.#now.value = this.#stored();
      }
    });
    return this;
  }

  #stored(): T {
    try {
      return this.#spelling.read(localStorage.getItem(this.#spelling.key));
    } catch {
      return this.#spelling.read(null);
    }
  }
}

/** Something that is on until it is switched off. */
export function storedSwitch(key: string): StoredSetting<boolean> {
  return new StoredSetting({ key, read: (stored) => stored !== 'off', write: (on) => (on ? 'on' : 'off') });
}
