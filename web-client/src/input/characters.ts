/**
 * Keys without a place: remote controls and some keyboards on screens report what a key types and not
 * where it is. They are taken for the keys of a US layout; letters and digits are right for most.
 */
import { keycode } from './keycodes';

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

const CODES = new Map<string, number>();

function addKey(place: string, plain: string, shifted: string): void {
  const code = keycode(place);
  if (code !== undefined) {
    CODES.set(plain, code);
    CODES.set(shifted, code);
  }
}
for (const [place, plain, shifted] of PLAIN) {
  addKey(place, plain, shifted);
}
Array.from(SHIFTED_DIGITS).forEach((shifted, digit) => addKey(`Digit${digit}`, String(digit), shifted));
for (const letter of 'abcdefghijklmnopqrstuvwxyz') {
  addKey(`Key${letter.toUpperCase()}`, letter, letter.toUpperCase());
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
  return CODES.get(key.toLowerCase()) ?? keycode(PLACES[key] ?? key);
}
