import { keycodeByKey } from './characters';
import { keycode } from './keycodes';

/** Operating system of the user, as far as its keyboard events differ. */
export type Platform = 'windows' | 'mac' | 'other';

/** Part of a `KeyboardEvent` that {@link Keyboard} uses. */
export interface KeyInput {
  /** Physical key (W3C UI Events); empty or `Unidentified` if unknown. */
  readonly code: string;
  /** Character or name of the key. */
  readonly key: string;
  /** Whether the event is a key repeat. */
  readonly repeat: boolean;
  /** Time of the event in milliseconds since `performance.timeOrigin`. */
  readonly timeStamp: number;
  /** Whether Shift is pressed. */
  readonly shiftKey: boolean;
  /** Whether Control is pressed. */
  readonly ctrlKey: boolean;
  /** Whether Alt is pressed. */
  readonly altKey: boolean;
  /** Whether Meta (Windows or Command key) is pressed. */
  readonly metaKey: boolean;
  /** Returns the state of a modifier or lock key by its name. */
  readonly getModifierState: (key: string) => boolean;
}

/** Receiver of a press or release: Linux key code, and `Event.timeStamp` in milliseconds. */
type Send = (code: number, down: boolean, timeStamp: number) => void;

/** Maximum time between the two events of AltGr: Windows reports AltGr as ControlLeft and AltRight of the same moment. */
const ALTGR_WINDOW_MS = 20;

/** Codes of keys for which Windows browsers dispatch only one of press and release; sent as both. */
const NO_RELEASE_ON_WINDOWS = new Set(['KanaMode', 'Convert', 'NonConvert', 'Lang1', 'Lang2', 'Lang3', 'Lang4', 'Lang5']);

const MODIFIERS = new Set(
  ['Shift', 'Control', 'Alt', 'Meta'].flatMap((name) => [`${name}Left`, `${name}Right`]),
);

/**
 * Translation of DOM keyboard events to presses and releases of physical keys, with exactly one release for each
 * press. Peculiarities of the platforms are compensated. Key repeats are dropped, since the guest generates its own.
 */
export class Keyboard {
  readonly #platform: Platform;
  readonly #send: Send;
  /** Keys pressed in the guest: identity of the key to its Linux key code. */
  readonly #held = new Map<string, number>();
  /** ControlLeft that may be the first half of AltGr. */
  #pendingControl: { readonly timeStamp: number; readonly timer: ReturnType<typeof setTimeout> } | null = null;

  /** Creates a keyboard without pressed keys. */
  constructor(platform: Platform, send: Send) {
    this.#platform = platform;
    this.#send = send;
  }

  /** Handles a `keydown` event. */
  down(event: KeyInput): void {
    const name = nameOf(event);
    this.#resolveControl(name === 'AltRight' ? event.timeStamp : null);
    if (event.repeat || this.#held.has(name)) {
      return;
    }
    this.#releaseLostModifiers(event);
    const code = keycode(event.code) ?? keycodeByKey(event.key);
    if (code === undefined) {
      return;
    }
    if (this.#platform === 'windows' && name === 'ControlLeft') {
      this.#deferControl(event.timeStamp);
    } else if (this.#hasNoRelease(name, event)) {
      this.#tap(code, event.timeStamp);
    } else {
      this.#press(name, code, event.timeStamp);
    }
  }

  /** Handles a `keyup` event. */
  up(event: KeyInput): void {
    const name = nameOf(event);
    this.#resolveControl(null);
    const code = this.#held.get(name);
    if (code !== undefined) {
      this.#held.delete(name);
      this.#send(code, false, event.timeStamp);
    } else if (this.#hasNoPress(name)) {
      this.#tap(keycode(name) ?? 0, event.timeStamp);
    }
  }

  /** Clears the pressed keys without sending releases; the caller sends ReleaseAll. */
  reset(): void {
    this.#held.clear();
    if (this.#pendingControl !== null) {
      clearTimeout(this.#pendingControl.timer);
      this.#pendingControl = null;
    }
  }

  #press(name: string, code: number, timeStamp: number): void {
    this.#held.set(name, code);
    this.#send(code, true, timeStamp);
  }

  /** Sends a press and a release. */
  #tap(code: number, timeStamp: number): void {
    this.#send(code, true, timeStamp);
    this.#send(code, false, timeStamp);
  }

  /** Whether no `keyup` will follow for this key. */
  #hasNoRelease(name: string, event: KeyInput): boolean {
    switch (this.#platform) {
      case 'windows':
        return NO_RELEASE_ON_WINDOWS.has(name);
      case 'mac':
        // macOS reports CapsLock as pressed when it turns on and as released when it turns off, and while
        // Meta is down no release of any other key.
        return name === 'CapsLock' || (event.metaKey && !MODIFIERS.has(name));
      case 'other':
        return false;
    }
  }

  /** Whether no `keydown` precedes the `keyup` of this key. */
  #hasNoPress(name: string): boolean {
    return (name === 'PrintScreen' && this.#platform === 'windows') || (name === 'CapsLock' && this.#platform === 'mac');
  }

  /** Delays ControlLeft until it is certain not to be the first half of AltGr. */
  #deferControl(timeStamp: number): void {
    const timer = setTimeout(() => this.#resolveControl(null), ALTGR_WINDOW_MS);
    this.#pendingControl = { timeStamp, timer };
  }

  /** Sends a delayed ControlLeft, unless an AltRight at `altRightAt` shows that both are AltGr. */
  #resolveControl(altRightAt: number | null): void {
    const waiting = this.#pendingControl;
    if (waiting === null) {
      return;
    }
    clearTimeout(waiting.timer);
    this.#pendingControl = null;
    if (altRightAt === null || altRightAt - waiting.timeStamp > ALTGR_WINDOW_MS) {
      this.#press('ControlLeft', keycode('ControlLeft') ?? 0, waiting.timeStamp);
    }
  }

  /** Releases modifiers that the guest holds and the event does not report: their release was lost. */
  #releaseLostModifiers(event: KeyInput): void {
    const isDown: Readonly<Record<string, boolean>> = {
      Shift: event.shiftKey,
      Control: event.ctrlKey,
      Alt: event.altKey || event.getModifierState('AltGraph'),
      Meta: event.metaKey || event.getModifierState('OS') || event.getModifierState('Super'),
    };
    for (const [name, code] of this.#held) {
      const modifier = name.replace(/Left$|Right$/, '');
      if (MODIFIERS.has(name) && isDown[modifier] === false && modifierOf(event) !== modifier) {
        this.#held.delete(name);
        this.#send(code, false, event.timeStamp);
      }
    }
  }
}

/** Returns the identity of a key between its press and its release. */
function nameOf({ code, key }: KeyInput): string {
  return code !== '' && code !== 'Unidentified' ? code : `key:${key}`;
}

/**
 * Returns the modifier that the event's own key is, or an empty string; the event's flags may not include that key
 * yet.
 */
function modifierOf({ code }: KeyInput): string {
  return MODIFIERS.has(code) ? code.replace(/Left$|Right$/, '') : '';
}

/** Derives the platform from `navigator.userAgent`. */
export function platformOf(userAgent: string): Platform {
  if (/Mac|iPhone|iPad/.test(userAgent)) {
    return 'mac';
  }
  return userAgent.includes('Windows') ? 'windows' : 'other';
}
