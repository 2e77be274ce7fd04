/** Part of a `KeyboardEvent` that {@link isPasteShortcut} uses. */
export interface PasteKey {
  /** Physical key (W3C UI Events). */
  readonly code: string;
  /** Character or name of the key. */
  readonly key: string;
  /** Whether the event is a key repeat. */
  readonly repeat: boolean;
  /** Whether Shift is pressed. */
  readonly shiftKey: boolean;
  /** Whether Control is pressed. */
  readonly ctrlKey: boolean;
  /** Whether Alt is pressed. */
  readonly altKey: boolean;
  /** Whether Meta (Windows or Command key) is pressed. */
  readonly metaKey: boolean;
}

/**
 * Whether an event is a paste shortcut: Ctrl+V, Ctrl+Shift+V, Cmd+V or Shift+Insert. The character V counts, not the
 * physical key, as in browsers and programs.
 */
export function isPasteShortcut({ code, key, repeat, shiftKey, ctrlKey, altKey, metaKey }: PasteKey): boolean {
  if (repeat || altKey) {
    return false;
  }
  const letter = key.toLowerCase() === 'v' && ctrlKey !== metaKey;
  return letter || (code === 'Insert' && shiftKey && !ctrlKey && !metaKey);
}
