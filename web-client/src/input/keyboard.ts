import { keycodeByKey } from './characters';
import { keycode } from './keycodes';

export type Platform = 'windows' | 'mac' | 'other';

/** What of a `KeyboardEvent` counts here. */
export interface KeyInput {
  readonly code: string;
  readonly key: string;
  readonly repeat: boolean;
  readonly timeStamp: number;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
  readonly getModifierState: (key: string) => boolean;
}

type Send = (code: number, down: boolean, timeStamp: number) => void;

/** Windows announces AltGr as ControlLeft and AltRight at the same moment; the pair may straddle a tick. */
const ALTGR_WINDOW_MS = 20;

/** Pressed and released as one, for the browser never tells of one of the two. */
const NO_RELEASE_ON_WINDOWS = new Set(['KanaMode', 'Convert', 'NonConvert', 'Lang1', 'Lang2', 'Lang3', 'Lang4', 'Lang5']);

const MODIFIERS = new Set(
  ['Shift', 'Control', 'Alt', 'Meta'].flatMap((name) => [`${name}Left`, `${name}Right`]),
);

/**
 * Turns the browser's key events into presses and releases of places, each press with exactly one
 * release, past what the platforms do to them. Repeats are left to the guest.
 */
export class Keyboard {
  readonly #platform: Platform;
  readonly #send: Send;
  /** What is down in the guest: the browser's name of the key to the code that was sent. */
  readonly #held = new Map<string, number>();
  #pendingControl: { readonly timeStamp: number; readonly timer: ReturnType<typeof setTimeout> } | null = null;

  constructor(platform: Platform, send: Send) {
    this.#platform = platform;
    this.#send = send;
  }

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

  /** Forgets what is down; the caller tells the guest. */
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

  #tap(code: number, timeStamp: number): void {
    this.#send(code, true, timeStamp);
    this.#send(code, false, timeStamp);
  }

  #hasNoRelease(name: string, event: KeyInput): boolean {
    switch (this.#platform) {
      case 'windows':
        return NO_RELEASE_ON_WINDOWS.has(name);
      case 'mac':
        // CapsLock reports a press when it goes on and a release when it goes off. While Meta is
        // down, macOS keeps the release of every other key to itself.
        return name === 'CapsLock' || (event.metaKey && !MODIFIERS.has(name));
      case 'other':
        return false;
    }
  }

  #hasNoPress(name: string): boolean {
    return (name === 'PrintScreen' && this.#platform === 'windows') || (name === 'CapsLock' && this.#platform === 'mac');
  }

  /** ControlLeft waits for the AltRight that would unmask it as half of AltGr. */
  #deferControl(timeStamp: number): void {
    const timer = setTimeout(() => this.#resolveControl(null), ALTGR_WINDOW_MS);
    this.#pendingControl = { timeStamp, timer };
  }

  /** Sends a ControlLeft that waits, unless an AltRight at `altRightAt` shows that nobody pressed it. */
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

  /** A modifier that the guest holds and the browser does not: its release got lost on the way. */
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

/** A key's identity between its press and its release. */
function nameOf({ code, key }: KeyInput): string {
  return code !== '' && code !== 'Unidentified' ? code : `key:${key}`;
}

/** Which modifier the event's own key is; its flag may not count itself yet. */
function modifierOf({ code }: KeyInput): string {
  return MODIFIERS.has(code) ? code.replace(/Left$|Right$/, '') : '';
}

/** The platform whose keyboard habits apply. */
export function platformOf(userAgent: string): Platform {
  if (/Mac|iPhone|iPad/.test(userAgent)) {
    return 'mac';
  }
  return userAgent.includes('Windows') ? 'windows' : 'other';
}
