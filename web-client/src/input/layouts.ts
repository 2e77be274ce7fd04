/** Keyboard layouts that can be chosen: XKB names, and their display names. */

/** XKB layout and its variants. */
export interface Layout {
  /** XKB name of the layout. */
  readonly layout: string;
  /** Display name. */
  readonly name: string;
  /** Display names of the variants, by XKB name. */
  readonly variants: Readonly<Record<string, string>>;
}

const NO_DEAD_KEYS = { nodeadkeys: 'without dead keys' };

/** Layouts in the order of their display. */
export const LAYOUTS: readonly Layout[] = [
  { layout: 'us', name: 'English (US)', variants: { intl: 'international, with dead keys', 'altgr-intl': 'international, by AltGr', dvorak: 'Dvorak', colemak: 'Colemak', mac: 'Macintosh' } },
  { layout: 'gb', name: 'English (UK)', variants: { extd: 'extended', intl: 'international, with dead keys', dvorak: 'Dvorak', colemak: 'Colemak', mac: 'Macintosh' } },
  { layout: 'ara', name: 'Arabic', variants: { azerty: 'AZERTY', digits: 'Eastern Arabic digits' } },
  { layout: 'be', name: 'Belgian', variants: NO_DEAD_KEYS },
  { layout: 'br', name: 'Portuguese (Brazil)', variants: { nodeadkeys: 'without dead keys', thinkpad: 'ThinkPad', dvorak: 'Dvorak' } },
  { layout: 'bg', name: 'Bulgarian', variants: { phonetic: 'phonetic' } },
  { layout: 'ca', name: 'French (Canada)', variants: { multix: 'multilingual', 'fr-legacy': 'legacy', eng: 'English' } },
  { layout: 'ch', name: 'German (Switzerland)', variants: { fr: 'French', de_nodeadkeys: 'without dead keys', fr_nodeadkeys: 'French, without dead keys', de_mac: 'Macintosh' } },
  { layout: 'cn', name: 'Chinese', variants: {} },
  { layout: 'hr', name: 'Croatian', variants: { us: 'US keys' } },
  { layout: 'cz', name: 'Czech', variants: { qwerty: 'QWERTY', ucw: 'US keys, accents by AltGr' } },
  { layout: 'dk', name: 'Danish', variants: { nodeadkeys: 'without dead keys', mac: 'Macintosh' } },
  { layout: 'nl', name: 'Dutch', variants: { std: 'standard' } },
  { layout: 'ee', name: 'Estonian', variants: NO_DEAD_KEYS },
  { layout: 'fi', name: 'Finnish', variants: { classic: 'classic', nodeadkeys: 'without dead keys', mac: 'Macintosh' } },
  { layout: 'fr', name: 'French', variants: { oss: 'alternative', nodeadkeys: 'without dead keys', latin9: 'Latin-9', bepo: 'BÉPO', afnor: 'AZERTY of AFNOR', mac: 'Macintosh' } },
  { layout: 'ge', name: 'Georgian', variants: {} },
  { layout: 'de', name: 'German', variants: { nodeadkeys: 'without dead keys', deadacute: 'dead acute only', T3: 'T3 (E1)', neo: 'Neo 2', mac: 'Macintosh' } },
  { layout: 'at', name: 'German (Austria)', variants: { nodeadkeys: 'without dead keys', mac: 'Macintosh' } },
  { layout: 'gr', name: 'Greek', variants: { polytonic: 'polytonic', nodeadkeys: 'without dead keys' } },
  { layout: 'il', name: 'Hebrew', variants: { phonetic: 'phonetic' } },
  { layout: 'hu', name: 'Hungarian', variants: { qwerty: 'QWERTY', nodeadkeys: 'without dead keys' } },
  { layout: 'is', name: 'Icelandic', variants: {} },
  { layout: 'in', name: 'Indian', variants: { eng: 'English, with rupee', bolnagri: 'Hindi, Bolnagri' } },
  { layout: 'ie', name: 'Irish', variants: {} },
  { layout: 'it', name: 'Italian', variants: { nodeadkeys: 'without dead keys', winkeys: 'Windows', mac: 'Macintosh' } },
  { layout: 'jp', name: 'Japanese', variants: { kana: 'Kana', mac: 'Macintosh' } },
  { layout: 'kr', name: 'Korean', variants: { kr104: '101/104 keys' } },
  { layout: 'latam', name: 'Spanish (Latin America)', variants: { nodeadkeys: 'without dead keys', deadtilde: 'dead tilde' } },
  { layout: 'lv', name: 'Latvian', variants: { apostrophe: 'apostrophe' } },
  { layout: 'lt', name: 'Lithuanian', variants: { us: 'US keys' } },
  { layout: 'no', name: 'Norwegian', variants: { nodeadkeys: 'without dead keys', mac: 'Macintosh' } },
  { layout: 'ir', name: 'Persian', variants: {} },
  { layout: 'pl', name: 'Polish', variants: { qwertz: 'QWERTZ', legacy: 'legacy' } },
  { layout: 'pt', name: 'Portuguese', variants: { nodeadkeys: 'without dead keys', mac: 'Macintosh' } },
  { layout: 'ro', name: 'Romanian', variants: { std: 'standard', winkeys: 'Windows' } },
  { layout: 'ru', name: 'Russian', variants: { phonetic: 'phonetic', typewriter: 'typewriter', mac: 'Macintosh' } },
  { layout: 'rs', name: 'Serbian', variants: { latin: 'Latin', latinyz: 'Latin, QWERTY' } },
  { layout: 'sk', name: 'Slovak', variants: { qwerty: 'QWERTY' } },
  { layout: 'si', name: 'Slovenian', variants: { us: 'US keys' } },
  { layout: 'es', name: 'Spanish', variants: { nodeadkeys: 'without dead keys', deadtilde: 'dead tilde', cat: 'Catalan', mac: 'Macintosh' } },
  { layout: 'se', name: 'Swedish', variants: { nodeadkeys: 'without dead keys', mac: 'Macintosh' } },
  { layout: 'th', name: 'Thai', variants: { pat: 'Pattachote' } },
  { layout: 'tr', name: 'Turkish', variants: { f: 'Turkish F', intl: 'international' } },
  { layout: 'ua', name: 'Ukrainian', variants: { phonetic: 'phonetic' } },
  { layout: 'vn', name: 'Vietnamese', variants: { us: 'US keys' } },
];

/** Layout and variant by XKB name. */
export interface LayoutChoice {
  /** XKB layout. */
  readonly layout: string;
  /** XKB variant; empty: none. */
  readonly variant: string;
}

/** Returns the display name of a layout and variant; unknown layouts are shown by their XKB name. */
export function layoutName({ layout, variant }: LayoutChoice): string {
  const known = LAYOUTS.find((entry) => entry.layout === layout);
  const special = known?.variants[variant];
  const name = known?.name ?? layout;
  return special === undefined ? name : `${name}, ${special}`;
}
