import type { Leds } from '../protocol/server-messages';
import type { Platform } from './keyboard';
import { KEY_CAPS_LOCK, KEY_NUM_LOCK } from './keycodes';

/**
 * Brings the guest's lock keys in line with the keyboard in front of the person: once after each
 * time the desktop gets the focus, for a guest may keep its own mind about its lights.
 */
export class LockKeys {
  readonly #hasNumLock: boolean;
  #leds: Leds | null = null;
  #settled = false;

  /** Keyboards of Apple have no NumLock: what the guest makes of its own is left alone. */
  constructor(platform: Platform) {
    this.#hasNumLock = platform !== 'mac';
  }

  /** The guest's lights changed. */
  report(leds: Leds): void {
    this.#leds = leds;
  }

  /** The keyboard may have changed while it was elsewhere. */
  refocus(): void {
    this.#settled = false;
  }

  /** The keys to tap before `event` is sent. */
  settle(event: { readonly code: string; readonly getModifierState: (key: string) => boolean }): number[] {
    const leds = this.#leds;
    if (this.#settled || leds === null) {
      return [];
    }
    this.#settled = true;
    const taps: number[] = [];
    if (event.code !== 'CapsLock' && event.getModifierState('CapsLock') !== leds.caps) {
      taps.push(KEY_CAPS_LOCK);
    }
    if (this.#hasNumLock && event.code !== 'NumLock' && event.getModifierState('NumLock') !== leds.num) {
      taps.push(KEY_NUM_LOCK);
    }
    return taps;
  }
}
