import type { Leds } from '../protocol/server-messages';
import type { Platform } from './keyboard';
import { KEY_CAPS_LOCK, KEY_NUM_LOCK } from './keycodes';

/**
 * Synchronization of Caps Lock and Num Lock between the user's keyboard and the guest. It happens once after each
 * focus of the desktop, not continuously: a guest may ignore the lock keys, and would be toggled at each key press.
 */
export class LockKeys {
  readonly #hasNumLock: boolean;
  #leds: Leds | null = null;
  #synchronized = false;

  /** Creates the state. Apple keyboards have no Num Lock, so the guest's is not changed on a Mac. */
  constructor(platform: Platform) {
    this.#hasNumLock = platform !== 'mac';
  }

  /** Stores the lock LEDs of the guest. */
  setLeds(leds: Leds): void {
    this.#leds = leds;
  }

  /** Requests a synchronization at the next key press: lock keys may have changed while the focus was elsewhere. */
  invalidate(): void {
    this.#synchronized = false;
  }

  /** Returns the Linux key codes of the lock keys to press and release before `event` is sent. */
  keysToToggle(event: { readonly code: string; readonly getModifierState: (key: string) => boolean }): number[] {
    const leds = this.#leds;
    if (this.#synchronized || leds === null) {
      return [];
    }
    this.#synchronized = true;
    const keys: number[] = [];
    if (event.code !== 'CapsLock' && event.getModifierState('CapsLock') !== leds.caps) {
      keys.push(KEY_CAPS_LOCK);
    }
    if (this.#hasNumLock && event.code !== 'NumLock' && event.getModifierState('NumLock') !== leds.num) {
      keys.push(KEY_NUM_LOCK);
    }
    return keys;
  }
}
