import { KEY_ALTGR, KEY_SHIFT_LEFT, keycode } from './keycodes';

/** Key with the modifiers for one character. */
export interface Stroke {
  /** Linux key code. */
  readonly code: number;
  /** Whether Shift is needed. */
  readonly shift: boolean;
  /** Whether AltGr is needed. */
  readonly altGr: boolean;
}

type Send = (code: number, down: boolean) => void;

/** Linux key codes of a keyboard's rows, from the upper left; the order of the tables in layout-tables.ts. */
const ROW_KEYS = [
  'Backquote', ...Array.from('1234567890', (digit) => `Digit${digit}`), 'Minus', 'Equal',
  ...Array.from('QWERTYUIOP', (letter) => `Key${letter}`), 'BracketLeft', 'BracketRight',
  ...Array.from('ASDFGHJKL', (letter) => `Key${letter}`), 'Semicolon', 'Quote', 'Backslash',
  'IntlBackslash', ...Array.from('ZXCVBNM', (letter) => `Key${letter}`), 'Comma', 'Period', 'Slash', 'IntlRo', 'IntlYen',
].map((code) => keycode(code) ?? 0);

const SPACE: Stroke = { code: keycode('Space') ?? 0, shift: false, altGr: false };
const COMMON_STROKES: readonly (readonly [string, Stroke])[] = [
  [' ', SPACE],
  ['\u00a0', SPACE],
  ['\n', { ...SPACE, code: keycode('Enter') ?? 0 }],
  ['\t', { ...SPACE, code: keycode('Tab') ?? 0 }],
];

/** Characters that dead keys (combining marks) type when a space follows. */
const SPACING_FORMS: Readonly<Record<string, string>> = {
  '\u0300': '`', '\u0301': '\u00b4', '\u0302': '^', '\u0303': '~', '\u0304': '\u00af', '\u0306': '\u02d8',
  '\u0307': '\u02d9', '\u0308': '\u00a8', '\u030a': '\u00b0', '\u030b': '\u02dd', '\u030c': '\u02c7',
  '\u0327': '\u00b8', '\u0328': '\u02db',
};

/** Typer of text by the guest's layout, for text without physical keys: that of on-screen keyboards and input methods. */
export class TextTyper {
  readonly #strokes = new Map<string, Stroke>(COMMON_STROKES);
  readonly #dead = new Map<string, Stroke>();

  /**
   * Creates a typer from a layout table: `rows` are the characters of the keys without modifiers, with Shift, with
   * AltGr and with both.
   */
  constructor(rows: readonly string[]) {
    rows.forEach((row, level) => {
      Array.from(row).forEach((character, at) => {
        const code = ROW_KEYS[at];
        const known = /[\u0300-\u036f]/.test(character) ? this.#dead : this.#strokes;
        if (code !== undefined && character !== ' ' && !known.has(character)) {
          known.set(character, { code, shift: level % 2 === 1, altGr: level >= 2 });
        }
      });
    });
  }

  /** Whether the layout has keys for each character of the text. */
  canType(text: string): boolean {
    return Array.from(plain(text)).every((character) => this.#keysOf(character) !== null);
  }

  /** Types a text key by key; characters without keys are skipped. */
  type(text: string, send: Send): void {
    for (const character of plain(text)) {
      for (const stroke of this.#keysOf(character) ?? []) {
        press(stroke, send);
      }
    }
  }

  /** Returns the strokes of a character, including dead keys; `null` if it cannot be typed. */
  #keysOf(character: string): readonly Stroke[] | null {
    const stroke = this.#strokes.get(character);
    if (stroke !== undefined) {
      return [stroke];
    }
    const [base = '', mark = '', more] = Array.from(character.normalize('NFD'));
    const [letter, accent] = [this.#strokes.get(base), this.#dead.get(mark)];
    if (letter !== undefined && accent !== undefined && more === undefined) {
      return [accent, letter];
    }
    const alone = Object.entries(SPACING_FORMS).find(([, spacing]) => spacing === character);
    const dead = alone === undefined ? undefined : this.#dead.get(alone[0]);
    return dead === undefined ? null : [dead, SPACE];
  }
}

/** Normalizes line ends and Unicode composition (NFC). */
function plain(text: string): string {
  return text.replaceAll('\r\n', '\n').normalize('NFC');
}

/** Sends a stroke with its modifiers. */
function press({ code, shift, altGr }: Stroke, send: Send): void {
  const modifiers = [...(shift ? [KEY_SHIFT_LEFT] : []), ...(altGr ? [KEY_ALTGR] : [])];
  for (const modifier of modifiers) {
    send(modifier, true);
  }
  send(code, true);
  send(code, false);
  for (const modifier of modifiers.toReversed()) {
    send(modifier, false);
  }
}

/** Loads the typer of an XKB layout and variant; an unknown layout is replaced by the US layout. */
export async function loadTextTyper(layout: string, variant: string): Promise<TextTyper> {
  const { LAYOUT_TABLES } = await import('./layout-tables');
  const rows = LAYOUT_TABLES[variant === '' ? layout : `${layout}/${variant}`] ?? LAYOUT_TABLES[layout] ?? LAYOUT_TABLES['us'];
  return new TextTyper(rows ?? []);
}
