/**
 * Keys without a place: soft keyboards and remote controls report what was typed and not where.
 * Characters are typed as on a US layout, which is right for guests with that layout; letters and
 * digits are right for most.
 */
import { KEY_SHIFT_LEFT, keycode } from './keycodes';

export interface Stroke {
  readonly code: number;
  readonly shift: boolean;
}

const PLAIN: readonly (readonly [place: string, plain: string, shifted: string])[] = [
  ['Backquote', '`', '~'],
  ['Minus', '-', '_'],
  ['Equal', '=', '+'],
  ['BracketLeft', '[', '{'],
  ['BracketRight', ']', '}'],
  ['Backslash', '\\', '|'],
  ['Semicolon', ';', ':'],
  ['Quote', "'", '"'],
  ['Comma', ',', '<'],
  ['Period', '.', '>'],
  ['Slash', '/', '?'],
  ['Space', ' ', '\u00a0'],
  ['Enter', '\n', '\r'],
  ['Tab', '\t', '\v'],
];
const SHIFTED_DIGITS = ')!@#$%^&*(';

const STROKES = new Map<string, Stroke>();

function learn(place: string, plain: string, shifted: string): void {
  const code = keycode(place);
  if (code !== undefined) {
    STROKES.set(plain, { code, shift: false });
    STROKES.set(shifted, { code, shift: true });
  }
}
for (const [place, plain, shifted] of PLAIN) {
  learn(place, plain, shifted);
}
Array.from(SHIFTED_DIGITS).forEach((shifted, digit) => learn(`Digit${digit}`, String(digit), shifted));
for (const letter of 'abcdefghijklmnopqrstuvwxyz') {
  learn(`Key${letter.toUpperCase()}`, letter, letter.toUpperCase());
}

/** The key that types a character on a US layout. */
export function strokeOf(character: string): Stroke | undefined {
  return STROKES.get(character);
}

/** Names of keys (`KeyboardEvent.key`) that differ from the name of their usual place. */
const PLACES: Readonly<Record<string, string>> = {
  Alt: 'AltLeft',
  AltGraph: 'AltRight',
  Control: 'ControlLeft',
  Meta: 'MetaLeft',
  Shift: 'ShiftLeft',
  GoBack: 'BrowserBack',
  GoHome: 'BrowserHome',
};

/** The `KEY_*` of an event without a usable `code`, by its `key`. */
export function keycodeByKey(key: string): number | undefined {
  return STROKES.get(key.toLowerCase())?.code ?? keycode(PLACES[key] ?? key);
}

/** Types a text key by key; what has no key is left out. */
export function typeText(text: string, send: (code: number, down: boolean) => void): void {
  for (const character of text) {
    const stroke = strokeOf(character);
    if (stroke !== undefined) {
      if (stroke.shift) {
        send(KEY_SHIFT_LEFT, true);
      }
      send(stroke.code, true);
      send(stroke.code, false);
      if (stroke.shift) {
        send(KEY_SHIFT_LEFT, false);
      }
    }
  }
}
