import { useEffect, useRef, useState } from 'preact/hooks';
import { findDesktop } from '../../api/desktops';
import { followDesktops } from '../../api/events';
import { saveSettings, settings } from '../../api/session';
import type { PowerAction, Session } from '../../api/types';
import { notify } from '../../design/notices';
import { MENU_CHORD } from '../../input/menu-chord';
import { useTitle } from '../../design/title';
import { hasTouch } from '../../support';
import type { Link } from '../../worker/messages';
import { ClipboardDialog } from './clipboard/clipboard-dialog';
import { Desk } from './desk';
import { DropHint, TransferTray } from './files/transfer-tray';
import { SessionMenu } from './menu/session-menu';
import { offerProbe } from './probe';
import { screenName, shownScreen } from './screens/which-screen';
import { Statistics } from './statistics';
import { StatusPane } from './status-pane';
import './desktop.css';

interface DesktopPageProps {
  readonly id: string;
  readonly session: Session;
  /** Everything as H.264, as it held when the page was opened. */
  readonly videoOnly: boolean;
}

/** The desktop itself. */
export function DesktopPage({ id, session: { csrf }, videoOnly: initialVideoOnly }: DesktopPageProps) {
  const stage = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const cursor = useRef<HTMLImageElement>(null);
  const softField = useRef<HTMLTextAreaElement>(null);
  const [desk, setDesk] = useState<Desk | null>(null);
  const [videoOnly, setVideoOnly] = useState(initialVideoOnly);
  const [clipboardOpen, setClipboardOpen] = useState(false);
  const restarting = useRef(false);

  useEffect(() => followDesktops(() => undefined), []);
  useEffect(() => {
    if (stage.current === null || canvas.current === null || cursor.current === null || softField.current === null) {
      return undefined;
    }
    const watch = new URLSearchParams(location.search).get('watch') === '1';
    const screen = shownScreen();
    const created = new Desk(
      { stage: stage.current, canvas: canvas.current, cursor: cursor.current, softField: softField.current },
      { desktopId: id, csrf, mode: watch ? 'watch' : 'interact', videoOnly: initialVideoOnly, screen },
    );
    setDesk(created);
    const withdrawProbe = offerProbe(created.link);
    return () => {
      withdrawProbe();
      created.dispose();
    };
  }, []);

  // A dialog lets go of the focus only when it is gone.
  useEffect(() => {
    if (!clipboardOpen) {
      desk?.focus();
    }
  }, [clipboardOpen]);

  const overlay = settings.value?.overlay === true;
  useEffect(() => desk?.link.watchStats(overlay), [desk, overlay]);

  const painted = desk?.link.painted.value === true;
  const live = desk?.link.live.value === true;
  const link: Link = desk?.link.link.value ?? { state: 'connecting', since: Date.now(), notice: null };
  useReactions(link, desk, restarting);
  const desktop = findDesktop(id);
  const name = desktop?.name ?? 'your desktop';
  useTitle(shownScreen() === 0 ? name : `${name}, ${screenName(shownScreen())}`);

  const changeVideoOnly = (on: boolean): void => {
    setVideoOnly(on);
    desk?.link.setVideoOnly(on);
    saveSettings({ video_only: on }).catch(() => notify('The setting could not be stored.'));
  };
  const onPower = (action: PowerAction): void => {
    restarting.current = action === 'restart';
  };

  return (
    <main class={live ? 'desk is-live' : 'desk'}>
      <div class="stage" ref={stage} tabIndex={0} role="application" aria-label={`Screen of ${name}. ${MENU_CHORD} opens the menu.`}>
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
      {desk !== null && (
        <>
          <SessionMenu
            desk={desk}
            desktop={desktop}
            watching={link.state === 'connected' && link.watching}
            videoOnly={videoOnly}
            onVideoOnly={changeVideoOnly}
            onPower={onPower}
            onClipboard={() => {
              desk.closeMenu();
              setClipboardOpen(true);
            }}
          />
          <TransferTray files={desk.files} downloads={desk.downloads} />
          {desk.drop.hovering.value && <DropHint name={name} />}
          {clipboardOpen && <ClipboardDialog clipboard={desk.clipboard} onClose={() => setClipboardOpen(false)} />}
        </>
      )}
      {overlay && link.state === 'connected' && <Statistics stats={desk?.link.stats.value ?? null} />}
      {!live && (
        <StatusPane link={link} name={name} onReconnect={() => desk?.link.reconnect()} />
      )}
      <p class="visually-hidden" role="status" aria-live="polite">
        {announcement(link, name)}
      </p>
    </main>
  );
}

/** What follows from a change of the connection, besides what is shown. */
function useReactions(link: Link, desk: Desk | null, restarting: { current: boolean }): void {
  useEffect(() => {
    if (link.state === 'connected') {
      restarting.current = false;
      if (document.activeElement === document.body) {
        desk?.focus();
      }
      if (!link.watching && !hinted) {
        hinted = true;
        notify(hasTouch() ? 'The handle at the upper edge opens the menu.' : `${MENU_CHORD} opens the menu.`);
      }
    } else if (link.state === 'ended' && link.code === 'stopped' && restarting.current) {
      restarting.current = false;
      desk?.link.reconnect();
    }
  }, [link, desk]);
}

/** The hint at the menu is for the first desktop of a visit. */
let hinted = false;

function announcement(link: Link, name: string): string {
  switch (link.state) {
    case 'connecting':
      return link.notice ?? `Opening ${name}`;
    case 'connected':
      return link.watching ? `Watching ${name}` : `Connected to ${name}`;
    case 'lost':
      return link.reason === 'network' ? 'The network is lost. Reconnecting.' : 'The server is restarting. Reconnecting.';
    case 'ended':
      return link.text;
  }
}
