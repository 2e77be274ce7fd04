import type { ComponentChildren } from 'preact';
import { Icon } from '../../../ui/icons';

/** File of a transfer; sizes in bytes. */
interface Row {
  readonly name: string;
  readonly size: number;
  readonly received: number;
  readonly state: string;
}

interface Parts {
  readonly row: Row;
  /** Description of the state. */
  readonly status: ComponentChildren;
  /** Whether assistive technology announces the description at once. */
  readonly alerts: boolean;
  /** Verb for the label of the progress bar; without it, there is no bar. */
  readonly progressLabel?: string | undefined;
  /** Further actions. */
  readonly children?: ComponentChildren;
  /** Cancels the transfer; without it, a running transfer has no cancel button. */
  readonly onCancel?: (() => void) | undefined;
  /** Removes a finished transfer. */
  readonly onDismiss: () => void;
}

/** Row of one file in the tray: name, description, progress bar and actions. */
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
