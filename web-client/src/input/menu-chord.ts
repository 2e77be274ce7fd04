/** What of a `KeyboardEvent` counts here. */
interface ChordKey {
  readonly code: string;
  readonly repeat: boolean;
}

/** The shortcut's name, as it is shown. */
export const MENU_CHORD = 'Ctrl+Alt+Shift';

const MEMBERS = ['Control', 'Alt', 'Shift'];

/**
 * The shortcut to the menu: Ctrl, Alt and Shift pressed together and let go, with no other key in
 * between. Desktops use the three together with a further key only, so nothing of theirs is taken.
 */
export class MenuChord {
  readonly #down = new Set<string>();
  #armed = false;

  down({ code, repeat }: ChordKey): void {
    if (!repeat) {
      this.#down.add(code);
      const names = [...this.#down].map((name) => name.replace(/Left$|Right$/, ''));
      this.#armed = names.length === MEMBERS.length && MEMBERS.every((member) => names.includes(member));
    }
  }

  /** A key went up: whether that completes the chord. */
  up({ code }: ChordKey): boolean {
    const complete = this.#armed;
    this.#armed = false;
    this.#down.delete(code);
    return complete;
  }

  reset(): void {
    this.#down.clear();
    this.#armed = false;
  }
}
