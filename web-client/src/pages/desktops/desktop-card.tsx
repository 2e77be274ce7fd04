import { useEffect, useState } from 'preact/hooks';
import type { Desktop, DesktopState } from '../../api/types';
import { Menu } from '../../ui/menu';
import { WindowArt } from '../../ui/window-art';
import { desktopUrl, followLink } from '../../router';
import { powerItems } from '../power-items';
import { elapsed } from './elapsed';

const STATE_TEXT: Readonly<Record<DesktopState, string>> = {
  stopped: 'Stopped',
  starting: 'Starting',
  running: 'Running',
  stopping: 'Stopping',
  failed: 'Failed',
};

/** Current time in milliseconds since the epoch, updated twice a minute. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Card of one desktop: state, machine, and the actions on it. */
export function DesktopCard({ desktop }: { readonly desktop: Desktop }) {
  const { id, name, state, reason, since, machine_text: machineText, emulated, viewers } = desktop;
  const age = elapsed(Date.parse(since), useNow());
  const memory = desktop.memory_mib >= 1024 ? `${+(desktop.memory_mib / 1024).toFixed(1)} GiB` : `${desktop.memory_mib} MiB`;
  return (
    <article class={`card is-${state}`} aria-labelledby={`name-${id}`}>
      <WindowArt state={state} />
      <header class="card-head">
        <h2 id={`name-${id}`}>{name}</h2>
        <Menu label={`More for ${name}`} icon="more" items={powerItems(desktop)} />
      </header>
      <p class="card-state" aria-live="polite">
        <span class="state-dot" />
        {STATE_TEXT[state]}
        {age !== null && <span class="card-age">{age}</span>}
        {viewers > 0 && <span class="card-age">· {viewers === 1 ? '1 viewer' : `${viewers} viewers`}</span>}
      </p>
      {desktop.waiting_for_disk && (
        <p class="card-reason">It stands still, because the server's disk is full. It goes on by itself once there is room.</p>
      )}
      {(reason !== null || state === 'failed') && <p class="card-reason">{reason ?? 'It could not be started.'}</p>}
      <p class="card-facts">
        {emulated && <span class="tag">Emulated</span>}
        {machineText}
      </p>
      <p class="card-facts">
        {desktop.cpus === 1 ? '1 processor' : `${desktop.cpus} processors`} · {memory} · {desktop.image}
      </p>
      <a class="button primary large" href={desktopUrl(id)} onClick={followLink} aria-label={`Open ${name}`}>
        Open
      </a>
    </article>
  );
}
