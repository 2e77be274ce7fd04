import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { Icon } from './icons';

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** Modal dialog (`HTMLDialogElement`), open while it is rendered. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => element.current?.showModal(), []);
  return (
    <dialog
      class="dialog themed"
      ref={element}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header class="dialog-head">
        <h2 id={heading}>{title}</h2>
        <button type="button" class="button quiet square" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </dialog>
  );
}

/** Question before a destructive action. */
interface Question {
  readonly title: string;
  readonly text: string;
  /** Label of the confirming button. */
  readonly action: string;
}

/** Question on display, with the callback for its answer; `null`: none. */
const pendingQuestion = signal<(Question & { readonly answer: (yes: boolean) => void }) | null>(null);

/** Shows a question; resolves with whether the user confirmed it. */
export function confirm(question: Question): Promise<boolean> {
  return new Promise((resolve) => {
    pendingQuestion.value = {
      ...question,
      answer: (yes) => {
        pendingQuestion.value = null;
        resolve(yes);
      },
    };
  });
}

/** Container in which {@link confirm} shows its questions; rendered once. */
export function ConfirmHost() {
  const question = pendingQuestion.value;
  if (question === null) {
    return null;
  }
  return (
    <Dialog title={question.title} onClose={() => question.answer(false)}>
      <p>{question.text}</p>
      <div class="dialog-actions">
        {/* First in order and focused, so that an accidental Enter cancels. */}
        <button type="button" class="button" autofocus onClick={() => question.answer(false)}>
          Cancel
        </button>
        <button type="button" class="button danger" onClick={() => question.answer(true)}>
          {question.action}
        </button>
      </div>
    </Dialog>
  );
}
