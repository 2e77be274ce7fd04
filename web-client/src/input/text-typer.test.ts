import { describe, expect, it } from 'vitest';
import { keycode } from './keycodes';
import { LAYOUT_TABLES } from './layout-tables';
import { LAYOUTS } from './layouts';
import { loadTextTyper } from './text-typer';

const NAMES = new Map(
  ['ShiftLeft', 'AltRight', 'Space', 'Enter', 'Minus', 'Equal', 'Quote', 'Slash', 'Backquote', 'BracketLeft', 'Digit2',
    'Digit7', 'KeyY', 'KeyZ', 'KeyE', 'KeyQ', 'KeyA', 'IntlBackslash'].map((name) => [keycode(name), name]),
);

/** Keys pressed for a text. */
async function keys(layout: string, text: string): Promise<string> {
  const textTyper = await loadTextTyper(layout, '');
  const down: string[] = [];
  const held = new Set<number>();
  textTyper.type(text, (code, isDown) => {
    if (isDown) {
      held.add(code);
      down.push(NAMES.get(code) ?? `${code}`);
    } else {
      held.delete(code);
    }
  });
  expect(held.size).toBe(0);
  return down.join(' ');
}

describe('typing by the guest’s layout', () => {
  it('finds the key of each layout', async () => {
    expect(await keys('us', 'y-?')).toBe('KeyY Minus ShiftLeft Slash');
    expect(await keys('de', 'yzß?')).toBe('KeyZ KeyY Minus ShiftLeft Minus');
    expect(await keys('de', '€@{')).toBe('AltRight KeyE AltRight KeyQ AltRight Digit7');
    expect(await keys('fr', 'aé2')).toBe('KeyQ Digit2 ShiftLeft Digit2');
    expect(await keys('us', '\n ')).toBe('Enter Space');
  });

  it('types every ASCII character in Latin layouts', async () => {
    const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
    for (const layout of ['us', 'gb', 'de', 'ch', 'fr', 'es', 'it', 'se', 'pl', 'jp', 'br']) {
      const textTyper = await loadTextTyper(layout, '');
      expect([layout, ...printable.filter((character) => !textTyper.canType(character))]).toEqual([layout]);
    }
  });

  it('composes with dead keys, and types their spacing forms', async () => {
    expect(await keys('de', 'éÉ')).toBe('Equal KeyE Equal ShiftLeft KeyE');
    expect(await keys('de', 'e\u0301')).toBe('Equal KeyE');
    expect(await keys('de', '^')).toBe('Backquote Space');
    expect(await keys('fr', 'ê')).toBe('BracketLeft KeyE');
  });

  it('detects characters that it cannot type', async () => {
    const textTyper = await loadTextTyper('de', '');
    expect(textTyper.canType('Grüße, René!\r\n')).toBe(true);
    expect(textTyper.canType('你好')).toBe(false);
    expect((await loadTextTyper('us', '')).canType('é')).toBe(false);
    expect((await loadTextTyper('ru', '')).canType('привет')).toBe(true);
  });

  it('replaces an unknown layout by the US layout', async () => {
    expect(await keys('', 'y')).toBe('KeyY');
  });

  it('has a table for every layout that can be chosen', () => {
    expect(LAYOUTS.filter(({ layout }) => LAYOUT_TABLES[layout] === undefined)).toEqual([]);
  });
});
