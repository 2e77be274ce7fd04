import { LAYOUTS, type LayoutChoice } from './layouts';

/** Countries whose layout bears another name than their two letters. */
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

/** Languages whose usual layout bears another name than they do. */
const BY_LANGUAGE: Readonly<Record<string, string>> = {
  ar: 'ara', cs: 'cz', da: 'dk', el: 'gr', en: 'us', et: 'ee', fa: 'ir', he: 'il', hi: 'in', ja: 'jp',
  ka: 'ge', ko: 'kr', nb: 'no', nn: 'no', sl: 'si', sr: 'rs', sv: 'se', uk: 'ua', vi: 'vn', zh: 'cn', nl: 'us',
};

/** What a place on the keyboard types where it tells layouts apart, most telling first. */
const BY_KEYS: readonly (readonly [code: string, key: string, layout: string])[] = [
  ['KeyQ', 'a', 'fr'],
  ['KeyY', 'z', 'de'],
];

/**
 * A first guess at the layout in front of the user: from the browser's language, corrected by what
 * the keys type where the browser tells (`navigator.keyboard.getLayoutMap()`).
 */
export function guessLayout(language: string, keys: ReadonlyMap<string, string> | null): LayoutChoice {
  const byLanguage = guessByLanguage(language);
  if (keys === null) {
    return byLanguage;
  }
  const match = BY_KEYS.find(([code, key]) => keys.get(code) === key);
  const usual = FAMILIES[byLanguage.layout] ?? 'us';
  const family = match?.[2] ?? 'us';
  // QWERTY is no evidence against a QWERTY country, nor QWERTZ against a QWERTZ one.
  return family === usual ? byLanguage : { layout: family, variant: '' };
}

/** Layouts that are not QWERTY, by the layout that stands for their kind. */
const FAMILIES: Readonly<Record<string, string>> = {
  de: 'de', at: 'de', ch: 'de', cz: 'de', sk: 'de', hu: 'de', si: 'de', hr: 'de', fr: 'fr', be: 'fr',
};

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

/** The guess for this browser. */
export async function guessForBrowser(): Promise<LayoutChoice> {
  const keyboard = (navigator as NavigatorWithKeyboard).keyboard;
  const keys = (await keyboard?.getLayoutMap?.().catch(() => null)) ?? null;
  return guessLayout(navigator.language, keys);
}

/** The Keyboard API (WICG), which Chromium has. */
export interface NavigatorWithKeyboard {
  readonly keyboard?: {
    readonly lock?: () => Promise<void>;
    readonly unlock?: () => void;
    readonly getLayoutMap?: () => Promise<ReadonlyMap<string, string>>;
  };
}
