import type { ComponentChildren } from 'preact';
import { Icon } from '../../../design/icons';

/** A file on its way. */
interface Row {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly received: number;
  readonly state: string;
}

interface Parts {
  readonly row: Row;
  /** What is said of it. */
  readonly words: ComponentChildren;
  /** It is said aloud at once. */
  readonly alerts: boolean;
  /** What happens while it moves, for the bar; none is shown without. */
  readonly moving?: string | undefined;
  /** What can be done, beside or instead of ending it. */
  readonly children?: ComponentChildren;
  /** Cancels it, or takes it away once it is over; the buttons are all there are without. */
  readonly onEnd?: (() => void) | undefined;
}

/** One file in the tray: its name, how it goes, what can be done. */
export function TrayRow({ row: { name, size, received, state }, words, alerts, moving, children, onEnd }: Parts) {
  const end = state === 'done' || state === 'failed' ? 'Dismiss' : 'Cancel';
  return (
    <li class={`tray-row is-${state}`}>
      <bdi class="tray-name" title={name}>
        {name}
      </bdi>
      <p class="tray-state" role={alerts ? 'alert' : undefined}>
        {words}
      </p>
      {moving !== undefined && <progress aria-label={`${moving} ${name}`} max={Math.max(1, size)} value={received} />}
      <div class="tray-actions">
        {children}
        {onEnd !== undefined && (
          <button type="button" class="button quiet square" aria-label={`${end} ${name}`} title={end} onClick={onEnd}>
            <Icon name="close" />
          </button>
        )}
      </div>
    </li>
  );
}
