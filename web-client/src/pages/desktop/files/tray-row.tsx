import type { ComponentChildren } from 'preact';
import { Icon } from '../../../ui/icons';

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
  /** What happens until it is over, for the bar; none is shown without. */
  readonly moving?: string | undefined;
  /** What can be done, beside or instead of ending it. */
  readonly children?: ComponentChildren;
  /** Ends it; until it is over it cannot be ended without. */
  readonly onCancel?: (() => void) | undefined;
  /** Takes away what is over. */
  readonly onDismiss: () => void;
}

/** One file in the tray: its name, how it goes, what can be done. */
export function TrayRow({ row: { name, size, received, state }, words, alerts, moving, children, onCancel, onDismiss }: Parts) {
  const over = state === 'done' || state === 'failed';
  const [end, onEnd] = over ? ['Dismiss', onDismiss] : ['Cancel', onCancel];
  return (
    <li class={`tray-row is-${state}`}>
      <bdi class="tray-name" title={name}>
        {name}
      </bdi>
      <p class="tray-state" role={alerts ? 'alert' : undefined}>
        {words}
      </p>
      {moving !== undefined && !over && <progress aria-label={`${moving} ${name}`} max={Math.max(1, size)} value={received} />}
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
