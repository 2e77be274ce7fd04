import type { Leds } from '../protocol/server-messages';
import type { Platform } from './keyboard';
import { KEY_CAPS_LOCK, KEY_NUM_LOCK } from './keycodes';

/**
 * Brings the guest's lock keys in line with the keyboard in front of the user: once after each
 * time the desktop gets the focus, for a guest may keep its own mind about its lights.
 */
export class LockKeys {
  readonly #hasNumLock: boolean;
  #leds: Leds | null = null;
  #synchronized = false;

  /** Keyboards of Apple have no NumLock: what the guest makes of its own is left alone. */
  constructor(platform: Platform) {
    this.#hasNumLock = platform !== 'mac';
  }

  /** The guest's lights changed. */
  setLeds(leds: Leds): void {
    this.#leds = leds;
  }

  /** The keyboard may have changed while it was elsewhere. */
  invalidate(): void {
    this.#synchronized = false;
  }

  /** The keys to tap before `event` is sent. */
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
