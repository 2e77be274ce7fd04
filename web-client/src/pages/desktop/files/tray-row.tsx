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
  readonly status: ComponentChildren;
  /** It is said aloud at once. */
  readonly alerts: boolean;
  /** What happens until it is finished, for the bar; none is shown without. */
  readonly progressLabel?: string | undefined;
  /** What can be done, beside or instead of ending it. */
  readonly children?: ComponentChildren;
  /** Ends it; until it is finished it cannot be ended without. */
  readonly onCancel?: (() => void) | undefined;
  /** Takes away what is finished. */
  readonly onDismiss: () => void;
}

/** One file in the tray: its name, how it goes, what can be done. */
export function TrayRow({ row: { name, size, received, state }, status, alerts, progressLabel, children, onCancel, onDismiss }: Parts) {
  const finished = state === 'done' || state === 'failed';
  const [end, onEnd] = finished ? ['Dismiss', onDismiss] : ['Cancel', onCancel];
  return (
    <li class={`tray-row is-${state}`}>
      <bdi class="tray-name" title={name}>
        {name}
      </bdi>
      <p class="tray-state" role={alerts ? 'alert' : undefined}>
        {status}
      </p>
      {progressLabel !== undefined && !finished && <progress aria-label={`${progressLabel} ${name}`} max={Math.max(1, size)} value={received} />}
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
