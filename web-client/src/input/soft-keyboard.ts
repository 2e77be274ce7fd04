import { KEY_BACKSPACE } from './keycodes';
import type { TextTyper } from './text-typer';

export interface SoftKeyboardOptions {
  /** Unseen; it has the focus while text is composed here. */
  readonly field: HTMLTextAreaElement;
  /** Types by the guest's layout. */
  readonly textTyper: () => TextTyper;
  readonly send: (code: number, down: boolean) => void;
  /** Whether a word is typed while it is still being composed, as keyboards on screens do with every word. */
  readonly live: boolean;
  /** Text that no keys of the guest's layout type. */
  readonly onUntypeable: (text: string) => void;
}

/**
 * An unseen text field that makes touch devices show their keyboard, and lets input methods compose.
 * Both tell what the text became and not which keys were touched, so the difference is typed.
 */
export class SoftKeyboard {
  readonly #options: SoftKeyboardOptions;
  /** Text of a composition that was typed already and may still change. */
  #composed = '';

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

  show(): void {
    this.#options.field.focus({ preventScroll: true });
  }

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

  #erase(count: number): void {
    for (let i = 0; i < count; i += 1) {
      this.#options.send(KEY_BACKSPACE, true);
      this.#options.send(KEY_BACKSPACE, false);
    }
  }
}
