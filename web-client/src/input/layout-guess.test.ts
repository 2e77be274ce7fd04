import { describe, expect, it } from 'vitest';
import { guessLayout } from './layout-guess';
import { LAYOUTS, layoutName } from './layouts';

describe('guess at the keyboard layout', () => {
  it.each([
    ['en-US', 'us', ''],
    ['en-GB', 'gb', ''],
    ['de', 'de', ''],
    ['de-CH', 'ch', ''],
    ['fr-CH', 'ch', 'fr'],
    ['pt-BR', 'br', ''],
    ['es-MX', 'latam', ''],
    ['es', 'es', ''],
    ['cs-CZ', 'cz', ''],
    ['tlh', 'us', ''],
  ])('guesses %s as %s', (language, layout, variant) => {
    expect(guessLayout(language, null)).toEqual({ layout, variant });
  });

  it('prefers the keys to the language', () => {
    const qwertz = new Map([['KeyY', 'z']]);
    const qwerty = new Map([['KeyY', 'y']]);
    expect(guessLayout('en-US', qwertz).layout).toBe('de');
    expect(guessLayout('de-DE', qwerty).layout).toBe('us');
    expect(guessLayout('de-CH', qwertz).layout).toBe('ch');
    expect(guessLayout('sv-SE', qwerty).layout).toBe('se');
    expect(guessLayout('fr-BE', new Map([['KeyQ', 'a']])).layout).toBe('be');
  });
});

describe('layouts', () => {
  it('have names, for a variant too', () => {
    expect(layoutName({ layout: 'de', variant: '' })).toBe('German');
    expect(layoutName({ layout: 'de', variant: 'nodeadkeys' })).toBe('German, without dead keys');
    expect(layoutName({ layout: 'xx', variant: '' })).toBe('xx');
  });

  it('are listed once each, sorted by name', () => {
    expect(new Set(LAYOUTS.map(({ layout }) => layout)).size).toBe(LAYOUTS.length);
  });
});
