/** Part of a `KeyboardEvent` that {@link isPasteShortcut} uses. */
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
