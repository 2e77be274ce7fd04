/**
 * Key codes of events without a usable `KeyboardEvent.code`. Remote controls and some on-screen keyboards report only
 * the character or the name of a key. Characters are mapped to the keys of a US layout, which is right for most
 * letters and digits.
 */
import { keycode } from './keycodes';

/** Keys of a US layout: DOM code, and its characters without and with Shift. */
const PLAIN: readonly (readonly [domCode: string, plain: string, shifted: string])[] = [
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

/** Linux key codes by character. */
const CODES = new Map<string, number>();

/** Adds both characters of a key. */
function addKey(domCode: string, plain: string, shifted: string): void {
  const code = keycode(domCode);
  if (code !== undefined) {
    CODES.set(plain, code);
    CODES.set(shifted, code);
  }
}
for (const [domCode, plain, shifted] of PLAIN) {
  addKey(domCode, plain, shifted);
}
Array.from(SHIFTED_DIGITS).forEach((shifted, digit) => addKey(`Digit${digit}`, String(digit), shifted));
for (const letter of 'abcdefghijklmnopqrstuvwxyz') {
  addKey(`Key${letter.toUpperCase()}`, letter, letter.toUpperCase());
}

/** DOM codes of named keys (`KeyboardEvent.key`) whose code has another name. */
const DOM_CODES: Readonly<Record<string, string>> = {
  Alt: 'AltLeft',
  AltGraph: 'AltRight',
  Control: 'ControlLeft',
  Meta: 'MetaLeft',
  Shift: 'ShiftLeft',
  GoBack: 'BrowserBack',
  GoHome: 'BrowserHome',
};

/** Returns the Linux `KEY_*` code for a `KeyboardEvent.key`; `undefined` if there is none. */
export function keycodeByKey(key: string): number | undefined {
  return CODES.get(key.toLowerCase()) ?? keycode(DOM_CODES[key] ?? key);
}
