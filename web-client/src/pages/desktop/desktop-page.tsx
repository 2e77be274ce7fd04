import { useEffect, useRef, useState } from 'preact/hooks';
import { findDesktop } from '../../api/desktops';
import { followDesktops } from '../../api/events';
import { endSession, saveSettings, settings } from '../../api/session';
import type { PowerAction, Session } from '../../api/types';
import { notify } from '../../ui/notices';
import { MENU_SHORTCUT } from '../../input/menu-shortcut';
import { useTitle } from '../../ui/title';
import { hasTouch } from '../../support';
import type { ConnectionState } from '../../worker/messages';
import { ClipboardDialog } from './clipboard/clipboard-dialog';
import { DesktopSession } from './desktop-session';
import { DropHint, TransferTray } from './files/transfer-tray';
import { SessionMenu } from './menu/session-menu';
import { installProbe } from './probe';
import { screenName, shownScreen } from './screens/screen-number';
import { Statistics } from './statistics';
import { StatusPane } from './status-pane';
import './desktop.css';

interface DesktopPageProps {
  readonly id: string;
  readonly session: Session;
  /** Whether everything is sent as video, at the time the page was opened. */
  readonly videoOnly: boolean;
}

/** Page of one desktop: picture, menu, file transfers, overlays and connection state. */
export function DesktopPage({ id, session: { csrf }, videoOnly: initialVideoOnly }: DesktopPageProps) {
  const viewport = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const cursor = useRef<HTMLImageElement>(null);
  const softField = useRef<HTMLTextAreaElement>(null);
  const [desktopSession, setDesktopSession] = useState<DesktopSession | null>(null);
  const [videoOnly, setVideoOnly] = useState(initialVideoOnly);
  const [clipboardOpen, setClipboardOpen] = useState(false);
  const restarting = useRef(false);

  useEffect(() => followDesktops(() => undefined), []);
  useEffect(() => {
    if (viewport.current === null || canvas.current === null || cursor.current === null || softField.current === null) {
      return undefined;
    }
    const watch = new URLSearchParams(location.search).get('watch') === '1';
    const screen = shownScreen();
    const created = new DesktopSession(
      { viewport: viewport.current, canvas: canvas.current, cursor: cursor.current, softField: softField.current },
      { desktopId: id, csrf, mode: watch ? 'watch' : 'interact', videoOnly: initialVideoOnly, screen },
    );
    setDesktopSession(created);
    const removeProbe = installProbe(created.worker);
    return () => {
      removeProbe();
      created.dispose();
    };
  }, []);

  // The focus can be set only after the modal dialog is removed.
  useEffect(() => {
    if (!clipboardOpen) {
      desktopSession?.focus();
    }
  }, [clipboardOpen]);

  const overlay = settings.value?.overlay === true;
  useEffect(() => desktopSession?.worker.subscribeStats(overlay), [desktopSession, overlay]);

  const painted = desktopSession?.worker.painted.value === true;
  const live = desktopSession?.worker.live.value === true;
  const connection: ConnectionState = desktopSession?.worker.connection.value ?? { state: 'connecting', since: Date.now(), notice: null };
  useConnectionEffects(connection, desktopSession, restarting);
  const desktop = findDesktop(id);
  const name = desktop?.name ?? 'your desktop';
  useTitle(shownScreen() === 0 ? name : `${name}, ${screenName(shownScreen())}`);

  const changeVideoOnly = (on: boolean): void => {
    setVideoOnly(on);
    desktopSession?.worker.setVideoOnly(on);
    saveSettings({ video_only: on }).catch(() => notify('The setting could not be stored.'));
  };
  const onPower = (action: PowerAction): void => {
    restarting.current = action === 'restart';
  };

  return (
    <main class={live ? 'desktop-view is-live' : 'desktop-view'}>
      <div class="viewport" ref={viewport} tabIndex={0} role="application" aria-label={`Screen of ${name}. ${MENU_SHORTCUT} opens the menu.`}>
        <canvas class={painted ? 'screen is-painted' : 'screen'} ref={canvas} />
        <img class="guest-cursor" ref={cursor} alt="" hidden />
      </div>
      <textarea
        class="soft-field"
        ref={softField}
        tabIndex={-1}
        aria-hidden="true"
        autocapitalize="none"
        autocomplete="off"
        autocorrect="off"
        spellcheck={false}
      />
      {desktopSession !== null && (
        <>
          <SessionMenu
            desktopSession={desktopSession}
            desktop={desktop}
            watching={connection.state === 'connected' && connection.watching}
            videoOnly={videoOnly}
            onVideoOnly={changeVideoOnly}
            onPower={onPower}
            onClipboard={() => {
              desktopSession.closeMenu();
              setClipboardOpen(true);
            }}
          />
          <TransferTray uploads={desktopSession.uploads} downloads={desktopSession.downloads} />
          {desktopSession.drop.hovering.value && <DropHint name={name} />}
          {clipboardOpen && <ClipboardDialog clipboard={desktopSession.clipboard} onClose={() => setClipboardOpen(false)} />}
        </>
      )}
      {overlay && connection.state === 'connected' && <Statistics stats={desktopSession?.worker.stats.value ?? null} />}
      {!live && (
        <StatusPane connection={connection} name={name} onReconnect={() => desktopSession?.worker.reconnect()} />
      )}
      {desktop?.waiting_for_disk === true && (
        <p class="disk-full" role="status">
          The server&apos;s disk is full, so {name} stands still. It goes on by itself once there is room; nothing is lost.
        </p>
      )}
      <p class="visually-hidden" role="status" aria-live="polite">
        {announcement(connection, name)}
      </p>
    </main>
  );
}

/** Side effects of connection changes: focus, the hint to the menu, and the reconnect after a requested restart. */
function useConnectionEffects(connection: ConnectionState, desktopSession: DesktopSession | null, restarting: { current: boolean }): void {
  useEffect(() => {
    if (connection.state === 'connected') {
      restarting.current = false;
      if (document.activeElement === document.body) {
        desktopSession?.focus();
      }
      if (!connection.watching && !menuHintShown) {
        menuHintShown = true;
        notify(hasTouch() ? 'The handle at the upper edge opens the menu.' : `${MENU_SHORTCUT} opens the menu.`);
      }
    } else if (connection.state === 'closed' && connection.code === 'login') {
      // The login page takes the place of this one, and nothing of the picture stays.
      endSession(connection.text);
    } else if (connection.state === 'closed' && connection.code === 'stopped' && restarting.current) {
      restarting.current = false;
      desktopSession?.worker.reconnect();
    }
  }, [connection, desktopSession]);
}

/** Whether the hint to the menu was shown; once per visit. */
let menuHintShown = false;

/** Returns the text that assistive technology announces for a connection state. */
function announcement(connection: ConnectionState, name: string): string {
  switch (connection.state) {
    case 'connecting':
      return connection.notice ?? `Opening ${name}`;
    case 'connected':
      return connection.watching ? `Watching ${name}` : `Connected to ${name}`;
    case 'reconnecting':
      return connection.reason === 'network' ? 'The network is lost. Reconnecting.' : 'The server is restarting. Reconnecting.';
    case 'closed':
      return connection.text;
  }
}
