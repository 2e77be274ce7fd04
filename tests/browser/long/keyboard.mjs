// A keyboard as it lies on a desk: which keys a user presses for a text, by the layout printed on
// them. Written down here once more, so that the page's own tables are not tested against themselves.
const PLACES = [
  ['Backquote', ...[...'1234567890'].map((key) => `Digit${key}`), 'Minus', 'Equal'],
  [...[...'QWERTYUIOP'].map((key) => `Key${key}`), 'BracketLeft', 'BracketRight'],
  [...[...'ASDFGHJKL'].map((key) => `Key${key}`), 'Semicolon', 'Quote', 'Backslash'],
  ['IntlBackslash', ...[...'ZXCVBNM'].map((key) => `Key${key}`), 'Comma', 'Period', 'Slash'],
].flat();

const US = {
  plain: '`1234567890-=' + 'qwertyuiop[]' + "asdfghjkl;'\\" + '<zxcvbnm,./',
  shifted: '~!@#$%^&*()_+' + 'QWERTYUIOP{}' + 'ASDFGHJKL:"|' + '>ZXCVBNM<>?',
  altGr: {},
  dead: '',
};

/** By layout: what the keys type alone, with Shift and with AltGr, and which of that is a dead key. */
const LAYOUTS = {
  us: US,
  'us intl': { ...US, dead: '`\'~^"' },
  de: {
    plain: '^1234567890ß´' + 'qwertzuiopü+' + 'asdfghjklöä#' + '<yxcvbnm,.-',
    shifted: '°!"§$%&/()=?`' + 'QWERTZUIOPÜ*' + "ASDFGHJKLÖÄ'" + '>YXCVBNM;:_',
    altGr: { '@': 'KeyQ', '€': 'KeyE', '{': 'Digit7', '[': 'Digit8', ']': 'Digit9', '}': 'Digit0', '\\': 'Minus', '|': 'IntlBackslash', '~': 'BracketRight' },
    dead: '^´`',
  },
  fr: {
    plain: '²&é"\'(-è_çà)=' + 'azertyuiop^$' + 'qsdfghjklmù*' + '<wxcvbn,;:!',
    shifted: '~1234567890°+' + 'AZERTYUIOP¨£' + 'QSDFGHJKLM%µ' + '>WXCVBN?./§',
    altGr: { '@': 'Digit0', '€': 'KeyE', '#': 'Digit3', '{': 'Digit4', '[': 'Digit5', '|': 'Digit6', '\\': 'Digit8', ']': 'Minus', '}': 'Equal' },
    dead: '^¨',
  },
};

/** What a dead key is called where it is not printed as it is (Unicode's combining characters). */
const ACCENTS = { '\u0300': '`', '\u0301': "'´", '\u0302': '^', '\u0303': '~', '\u0308': '"¨' };

/** Keys of one character: `[code, key, modifier code or null]` in the order of pressing. */
function strokes(layout, character) {
  if (character === ' ') return [['Space', ' ', null]];
  const { plain, shifted, altGr, dead } = LAYOUTS[layout];
  const find = (wanted) => {
    const key = dead.includes(wanted) ? 'Dead' : wanted;
    const [alone, withShift] = [plain.indexOf(wanted), shifted.indexOf(wanted)];
    if (alone >= 0) return [PLACES[alone], key, null];
    if (withShift >= 0) return [PLACES[withShift], key, 'ShiftLeft'];
    return altGr[wanted] ? [altGr[wanted], wanted, 'AltRight'] : null;
  };
  const direct = find(character);
  if (direct) return direct[1] === 'Dead' ? [direct, ['Space', ' ', null]] : [direct];
  const [base, accent] = character.normalize('NFD');
  const mark = [...(ACCENTS[accent] ?? '')].find((one) => dead.includes(one));
  if (!mark) throw new Error(`a keyboard ${layout} does not type ${character}`);
  return [find(mark), ...strokes(layout, base)];
}

const MODIFIERS = { ShiftLeft: { key: 'Shift', bit: 8 }, AltRight: { key: 'AltGraph', bit: 1 } };

/** Types `text` on a keyboard of `layout` that is plugged into the browser's computer; `rest` waits after every key. */
export async function typeOn(page, layout, text, rest) {
  const devtools = await page.context().newCDPSession(page);
  const send = (type, code, key, modifiers = 0) => devtools.send('Input.dispatchKeyEvent', { type, code, key, modifiers });
  for (const [code, key, modifier] of [...text].flatMap((character) => strokes(layout, character))) {
    const held = MODIFIERS[modifier];
    if (held) await send('rawKeyDown', modifier, held.key, held.bit);
    await send('rawKeyDown', code, key, held?.bit);
    await send('keyUp', code, key, held?.bit);
    if (held) await send('keyUp', modifier, held.key);
    await rest();
  }
  await devtools.detach();
}
