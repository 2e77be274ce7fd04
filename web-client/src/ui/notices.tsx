import { signal } from '@preact/signals';

/** Display time of a notice in milliseconds. */
const SHOWN_MS = 7000;

interface NoticeEntry {
  readonly id: number;
  readonly text: string;
}

const shown = signal<readonly NoticeEntry[]>([]);
let next = 0;

/** Shows a sentence for seven seconds; at most three are shown at once. */
export function notify(text: string): void {
  const entry = { id: next, text };
  next += 1;
  shown.value = [...shown.peek().slice(-2), entry];
  setTimeout(() => {
    shown.value = shown.peek().filter(({ id }) => id !== entry.id);
  }, SHOWN_MS);
}

/** Shows `text` if the action rejects. */
export function notifyOnFailure(action: Promise<void>, text: string): void {
  action.catch(() => notify(text));
}

/** Container in which {@link notify} shows its sentences; rendered once. A live region announces them. */
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
