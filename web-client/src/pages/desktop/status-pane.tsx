import { useEffect, useState } from 'preact/hooks';
import { endSession } from '../../api/session';
import type { DesktopState } from '../../api/types';
import { WindowArt } from '../../ui/window-art';
import { navigate } from '../../router';
import type { CloseReason, ConnectionState } from '../../worker/messages';
import { duration } from './duration';

interface StatusPaneProps {
  readonly connection: ConnectionState;
  readonly name: string;
  readonly onReconnect: () => void;
}

/** Current time in milliseconds since the epoch, updated four times a second. */
function useClock(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** State of the connection while no live picture is shown, over the last picture if there is one. */
export function StatusPane({ connection, name, onReconnect }: StatusPaneProps) {
  const now = useClock();
  return (
    <section class="pane" aria-label="Connection">
      <WindowArt state={ART[connection.state]} />
      {connection.state === 'connected' && <BlankScreen name={name} now={now} />}
      {connection.state === 'connecting' && <Connecting connection={connection} name={name} now={now} />}
      {connection.state === 'reconnecting' && <Reconnecting connection={connection} now={now} onReconnect={onReconnect} />}
      {connection.state === 'closed' && <Closed connection={connection} onReconnect={onReconnect} />}
    </section>
  );
}

/** Illustration for each state of the connection. */
const ART: Readonly<Record<ConnectionState['state'], DesktopState>> = {
  connecting: 'starting',
  connected: 'starting',
  reconnecting: 'stopping',
  closed: 'stopped',
};

/** Time without a first picture, in milliseconds, after which the pane explains it. */
const BLANK_AFTER_MS = 1500;

/** Text while connected to a desktop that has not drawn yet, as during boot. */
function BlankScreen({ name, now }: { readonly name: string; readonly now: number }) {
  const [since] = useState(now);
  const blank = now - since > BLANK_AFTER_MS;
  return (
    <>
      <h1>{blank ? 'The screen is dark' : `Opening ${name}`}</h1>
      <p>{blank ? 'The desktop runs and has not drawn anything yet.' : 'One moment.'}</p>
      <Back />
    </>
  );
}

/** Connection state of one kind. */
type Of<State> = Extract<ConnectionState, { readonly state: State }>;

/** Text during the first connection, including the start of the desktop. */
function Connecting({ connection, name, now }: { readonly connection: Of<'connecting'>; readonly name: string; readonly now: number }) {
  return (
    <>
      <h1>{connection.notice === null ? `Opening ${name}` : `Starting ${name}`}</h1>
      <p>{connection.notice ?? 'One moment.'}</p>
      <p class="pane-time">{duration(now - connection.since)}</p>
      <Back />
    </>
  );
}

/** Title and text by the reason of the lost connection. */
const RECONNECTING_TEXT = {
  network: ['The network is lost', 'Your desktop keeps running. The picture comes back as soon as the server can be reached.'],
  restarting: ['The server is restarting', 'Your desktop keeps running. The picture comes back by itself.'],
} as const;

/** Text between connection attempts. */
function Reconnecting({ connection, now, onReconnect }: { readonly connection: Of<'reconnecting'>; readonly now: number; readonly onReconnect: () => void }) {
  const [title, text] = RECONNECTING_TEXT[connection.reason];
  const wait = connection.retryAt === null ? 0 : Math.ceil((connection.retryAt - now) / 1000);
  return (
    <>
      <h1>{title}</h1>
      <p>{text}</p>
      <p class="pane-time">{wait > 0 ? `Trying again in ${wait} s` : 'Trying again…'}</p>
      <div class="pane-actions">
        <button type="button" class="button primary" onClick={onReconnect}>
          Try now
        </button>
        <Back />
      </div>
    </>
  );
}

/** Title, and label of the button that continues, by the reason of the closed connection. */
const CLOSE_TEXT: Readonly<Record<CloseReason, readonly [title: string, actionLabel: string | null]>> = {
  login: ['You are logged out', 'Log in'],
  stopped: ['The desktop has stopped', 'Start it again'],
  replaced: ['Open somewhere else', 'Take it back'],
  forbidden: ['This desktop is not open to you', null],
  not_found: ['No such desktop', null],
  failed: ['The desktop cannot be shown', 'Try again'],
  version: ['This page is too old for the server', 'Reload'],
  unsupported: ['This browser cannot show a desktop', 'Reload'],
};

/** Text after the end of the connection. */
function Closed({ connection, onReconnect }: { readonly connection: Of<'closed'>; readonly onReconnect: () => void }) {
  const [title, actionLabel] = CLOSE_TEXT[connection.code];
  const onAction = (): void => {
    if (connection.code === 'login') {
      endSession(connection.text);
    } else if (connection.code === 'version' || connection.code === 'unsupported') {
      location.reload();
    } else {
      onReconnect();
    }
  };
  return (
    <>
      <h1>{title}</h1>
      <p>{connection.text}</p>
      <div class="pane-actions">
        {actionLabel !== null && (
          <button type="button" class="button primary" onClick={onAction}>
            {actionLabel}
          </button>
        )}
        <Back />
      </div>
    </>
  );
}

/** Button to the list of desktops. */
function Back() {
  return (
    <button type="button" class="button" onClick={() => navigate('/')}>
      My desktops
    </button>
  );
}
