import { KEY_BACKSPACE } from './keycodes';
import type { TextTyper } from './text-typer';

/** Options of {@link SoftKeyboard}. */
export interface SoftKeyboardOptions {
  /** Hidden text field; it has the focus while text is composed on the user's device. */
  readonly field: HTMLTextAreaElement;
  /** Returns the typer for the guest's layout. */
  readonly textTyper: () => TextTyper;
  /** Sends a press or release of a Linux key code. */
  readonly send: (code: number, down: boolean) => void;
  /** Whether text is typed while its composition is not complete; on-screen keyboards compose every word. */
  readonly live: boolean;
  /** Called with text for which the guest's layout has no keys. */
  readonly onUntypeable: (text: string) => void;
}

/**
 * Text entry without physical keys. A hidden text field makes touch devices show their on-screen keyboard and lets
 * input methods compose. Both report the resulting text only, so the difference to the previous text is typed.
 */
export class SoftKeyboard {
  readonly #options: SoftKeyboardOptions;
  /** Text of the current composition that is typed already. */
  #composed = '';

  /** Registers the event listeners of the field. */
  constructor(options: SoftKeyboardOptions) {
    const { field } = options;
    this.#options = options;
    field.addEventListener('beforeinput', (event) => this.#input(event));
    field.addEventListener('compositionend', ({ data }) => {
      this.#compose(data);
      this.#composed = '';
      field.value = '';
    });
  }

  /** Focuses the field, so that a touch device shows its on-screen keyboard. */
  show(): void {
    this.#options.field.focus({ preventScroll: true });
  }

  /** Handles `beforeinput` by its `inputType` (W3C Input Events). */
  #input(event: InputEvent): void {
    switch (event.inputType) {
      case 'insertCompositionText':
        if (this.#options.live && this.#options.textTyper().canType(event.data ?? '')) {
          this.#compose(event.data ?? '');
        }
        return;
      case 'insertLineBreak':
      case 'insertParagraph':
        this.#type('\n');
        break;
      case 'deleteContentBackward':
      case 'deleteWordBackward':
        this.#erase(1);
        break;
      default:
        this.#type(event.data ?? '');
    }
    event.preventDefault();
  }

  /** Types the difference between the typed and the new text of a composition. */
  #compose(text: string): void {
    const before = Array.from(this.#composed);
    const after = Array.from(text);
    let same = 0;
    while (same < before.length && before[same] === after[same]) {
      same += 1;
    }
    this.#erase(before.length - same);
    this.#type(after.slice(same).join(''));
    this.#composed = text;
  }

  #type(text: string): void {
    const { textTyper, send, onUntypeable } = this.#options;
    if (textTyper().canType(text)) {
      textTyper().type(text, send);
    } else {
      onUntypeable(text);
    }
  }

  /** Types Backspace `count` times. */
  #erase(count: number): void {
    for (let i = 0; i < count; i += 1) {
      this.#options.send(KEY_BACKSPACE, true);
      this.#options.send(KEY_BACKSPACE, false);
    }
  }
}
