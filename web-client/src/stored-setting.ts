import { signal } from '@preact/signals';

/** Key and encoding of a setting in `localStorage`. */
interface StorageFormat<T> {
  readonly key: string;
  /** Decodes the stored text; `null`: nothing is stored, and the default is returned. */
  readonly read: (stored: string | null) => T;
  /** Encodes a value. */
  readonly write: (value: T) => string;
}

/**
 * Setting stored in the browser, for choices that depend on the device and not on the user. Reading `value`
 * subscribes, as with any signal; setting it stores the value.
 */
export class StoredSetting<T> {
  readonly #format: StorageFormat<T>;
  readonly #signal;

  /** Creates the setting with its stored value. */
  constructor(format: StorageFormat<T>) {
    this.#format = format;
    this.#signal = signal(this.#stored());
  }

  /** Current value. */
  get value(): T {
    return this.#signal.value;
  }

  set value(value: T) {
    this.#signal.value = value;
    try {
      localStorage.setItem(this.#format.key, this.#format.write(value));
    } catch {
      // Without storage, the value lasts as long as the page.
    }
  }

  /** Follows changes made in other windows of this browser; returns the setting. */
  syncAcrossWindows(): this {
    window.addEventListener('storage', ({ key }) => {
      if (key === this.#format.key) {
        this.#signal.value = this.#stored();
      }
    });
    return this;
  }

  #stored(): T {
    try {
      return this.#format.read(localStorage.getItem(this.#format.key));
    } catch {
      return this.#format.read(null);
    }
  }
}

/** Creates a stored setting that is on by default. */
export function storedSwitch(key: string): StoredSetting<boolean> {
  return new StoredSetting({ key, read: (stored) => stored !== 'off', write: (on) => (on ? 'on' : 'off') });
}
