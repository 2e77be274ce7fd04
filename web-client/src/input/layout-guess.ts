import { LAYOUTS, type LayoutChoice } from './layouts';

/** Layouts of locales, where language or country alone give another one. */
const BY_REGION: Readonly<Record<string, LayoutChoice>> = {
  'de-CH': { layout: 'ch', variant: '' },
  'fr-CH': { layout: 'ch', variant: 'fr' },
  'it-CH': { layout: 'ch', variant: 'fr' },
  'de-AT': { layout: 'at', variant: '' },
  'fr-BE': { layout: 'be', variant: '' },
  'nl-BE': { layout: 'be', variant: '' },
  'fr-CA': { layout: 'ca', variant: '' },
  'en-GB': { layout: 'gb', variant: '' },
  'en-IE': { layout: 'ie', variant: '' },
  'pt-BR': { layout: 'br', variant: '' },
  'es-ES': { layout: 'es', variant: '' },
};

/** XKB layouts by language, where the names differ. */
const BY_LANGUAGE: Readonly<Record<string, string>> = {
  ar: 'ara', cs: 'cz', da: 'dk', el: 'gr', en: 'us', et: 'ee', fa: 'ir', he: 'il', hi: 'in', ja: 'jp',
  ka: 'ge', ko: 'kr', nb: 'no', nn: 'no', sl: 'si', sr: 'rs', sv: 'se', uk: 'ua', vi: 'vn', zh: 'cn', nl: 'us',
};

/** Layout families by a characteristic key: DOM code, and the character that the family has there. */
const BY_KEYS: readonly (readonly [code: string, key: string, layout: string])[] = [
  ['KeyQ', 'a', 'fr'],
  ['KeyY', 'z', 'de'],
];

/**
 * Guesses the layout of the user's keyboard from the browser's language. `keys` (`navigator.keyboard.getLayoutMap()`)
 * corrects the guess; `null`: the browser lacks that API.
 */
export function guessLayout(language: string, keys: ReadonlyMap<string, string> | null): LayoutChoice {
  const byLanguage = guessByLanguage(language);
  if (keys === null) {
    return byLanguage;
  }
  const match = BY_KEYS.find(([code, key]) => keys.get(code) === key);
  const usual = FAMILIES[byLanguage.layout] ?? 'us';
  const family = match?.[2] ?? 'us';
  // The family cannot distinguish layouts of the same family; the language can.
  return family === usual ? byLanguage : { layout: family, variant: '' };
}

/** Family of each layout that is not QWERTY, named by a typical member. */
const FAMILIES: Readonly<Record<string, string>> = {
  de: 'de', at: 'de', ch: 'de', cz: 'de', sk: 'de', hu: 'de', si: 'de', hr: 'de', fr: 'fr', be: 'fr',
};

/** Guesses the layout from a BCP 47 language tag. */
function guessByLanguage(tag: string): LayoutChoice {
  const [language = '', region = ''] = tag.split('-');
  const exact = BY_REGION[`${language}-${region}`];
  if (exact !== undefined) {
    return exact;
  }
  if (language === 'es' && region !== '') {
    return { layout: 'latam', variant: '' };
  }
  const layout = BY_LANGUAGE[language] ?? language;
  return { layout: LAYOUTS.some((known) => known.layout === layout) ? layout : 'us', variant: '' };
}

/** Guesses the layout with the data of this browser. */
export async function guessForBrowser(): Promise<LayoutChoice> {
  const keyboard = (navigator as NavigatorWithKeyboard).keyboard;
  const keys = (await keyboard?.getLayoutMap?.().catch(() => null)) ?? null;
  return guessLayout(navigator.language, keys);
}

/** Navigator with the Keyboard API (WICG Keyboard Lock and Keyboard Map), which only Chromium implements. */
export interface NavigatorWithKeyboard {
  readonly keyboard?: {
    readonly lock?: () => Promise<void>;
    readonly unlock?: () => void;
    readonly getLayoutMap?: () => Promise<ReadonlyMap<string, string>>;
  };
}
