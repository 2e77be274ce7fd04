import { signal } from '@preact/signals';

const SHOWN_MS = 7000;

interface NoticeEntry {
  readonly id: number;
  readonly text: string;
}

const shown = signal<readonly NoticeEntry[]>([]);
let next = 0;

/** Shows one sentence for a while. */
export function notify(text: string): void {
  const entry = { id: next, text };
  next += 1;
  shown.value = [...shown.peek().slice(-2), entry];
  setTimeout(() => {
    shown.value = shown.peek().filter(({ id }) => id !== entry.id);
  }, SHOWN_MS);
}

/** Shows `text` when an action fails. */
export function notifyOnFailure(action: Promise<void>, text: string): void {
  action.catch(() => notify(text));
}

/** Where {@link notify} shows its sentences; once in the page. */
export function NoticeHost() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {shown.value.map(({ id, text }) => (
        <p class="notice" key={id}>
          {text}
        </p>
      ))}
    </div>
  );
}
