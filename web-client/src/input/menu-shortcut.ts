/** Part of a `KeyboardEvent` that {@link MenuShortcut} uses. */
interface ShortcutKey {
  readonly code: string;
  readonly repeat: boolean;
}

/** Display name of the shortcut. */
export const MENU_SHORTCUT = 'Ctrl+Alt+Shift';

const MEMBERS = ['Control', 'Alt', 'Shift'];

/**
 * Detector of the menu shortcut: Ctrl, Alt and Shift pressed together and released, without a further key. Desktop
 * shortcuts combine these three with another key, so no shortcut of the guest is lost.
 */
export class MenuShortcut {
  readonly #down = new Set<string>();
  #armed = false;

  /** Handles a `keydown` event. */
  down({ code, repeat }: ShortcutKey): void {
    if (!repeat) {
      this.#down.add(code);
      const names = [...this.#down].map((name) => name.replace(/Left$|Right$/, ''));
      this.#armed = names.length === MEMBERS.length && MEMBERS.every((member) => names.includes(member));
    }
  }

  /** Handles a `keyup` event; returns whether the shortcut is complete. */
  up({ code }: ShortcutKey): boolean {
    const complete = this.#armed;
    this.#armed = false;
    this.#down.delete(code);
    return complete;
  }

  /** Clears the pressed keys. */
  reset(): void {
    this.#down.clear();
    this.#armed = false;
  }
}
