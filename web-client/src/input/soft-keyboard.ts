import { typeText } from './characters';
import { KEY_BACKSPACE } from './keycodes';

/**
 * An unseen text field that makes touch devices show their keyboard. Such keyboards tell what the
 * text became and not which keys were touched, so the difference is typed.
 */
export class SoftKeyboard {
  readonly #field: HTMLTextAreaElement;
  readonly #send: (code: number, down: boolean) => void;
  /** Text of a composition that was typed already and may still change. */
  #composed = '';

  constructor(field: HTMLTextAreaElement, send: (code: number, down: boolean) => void) {
    this.#field = field;
    this.#send = send;
    field.addEventListener('beforeinput', (event) => this.#input(event));
    field.addEventListener('compositionend', () => {
      this.#composed = '';
      field.value = '';
    });
  }

  show(): void {
    this.#field.focus({ preventScroll: true });
  }

  #input(event: InputEvent): void {
    switch (event.inputType) {
      case 'insertCompositionText':
        this.#compose(event.data ?? '');
        return;
      case 'insertLineBreak':
      case 'insertParagraph':
        typeText('\n', this.#send);
        break;
      case 'deleteContentBackward':
      case 'deleteWordBackward':
        this.#erase(1);
        break;
      default:
        typeText(event.data ?? '', this.#send);
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
    typeText(after.slice(same).join(''), this.#send);
    this.#composed = text;
  }

  #erase(count: number): void {
    for (let i = 0; i < count; i += 1) {
      this.#send(KEY_BACKSPACE, true);
      this.#send(KEY_BACKSPACE, false);
    }
  }
}
