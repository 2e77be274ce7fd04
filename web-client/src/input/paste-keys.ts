/** What of a `KeyboardEvent` counts here. */
export interface PasteKey {
  readonly code: string;
  readonly key: string;
  readonly repeat: boolean;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
}

/**
 * Whether these keys paste: Ctrl+V, with Shift in terminals, Cmd+V on a Mac, and Shift+Insert. The
 * letter counts, not its place, for that is how browsers and programs take it.
 */
export function isPasteShortcut({ code, key, repeat, shiftKey, ctrlKey, altKey, metaKey }: PasteKey): boolean {
  if (repeat || altKey) {
    return false;
  }
  const letter = key.toLowerCase() === 'v' && ctrlKey !== metaKey;
  return letter || (code === 'Insert' && shiftKey && !ctrlKey && !metaKey);
}
