import { useEffect, useRef } from 'preact/hooks';
import { Icon } from '../../../ui/icons';
import { MENU_SHORTCUT } from '../../../input/menu-shortcut';
import { navigate } from '../../../router';
import { hasTouch } from '../../../support';
import { requestPowerAction } from '../../power-items';
import { moveFocus } from './focus-trap';
import { handleShown } from './handle-setting';
import { KeysSection, MoreSection, PowerSection, ScreenSection } from './menu-sections';
import type { SessionMenuProps } from './session-menu-props';
import { Tiles } from './menu-tiles';
import './menu.css';

/** Menu of the desktop page, opened by its handle at the upper edge or by the shortcut. */
export function SessionMenu(props: SessionMenuProps) {
  const { desktopSession } = props;
  const open = desktopSession.menuOpen.value;
  const name = `Menu (${MENU_SHORTCUT})`;
  return (
    <div class="session-menu">
      {open && <Panel {...props} />}
      {!open && (handleShown.value || hasTouch()) && (
        <button
          type="button"
          class="menu-handle"
          aria-label={name}
          aria-haspopup="dialog"
          title={name}
          onClick={() => {
            desktopSession.menuOpen.value = true;
          }}
        />
      )}
    </div>
  );
}

/** Open menu: a modal panel with tiles and sections. */
function Panel(props: SessionMenuProps) {
  const { desktopSession, desktop, watching, onPower } = props;
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => root.current?.querySelector<HTMLElement>('.menu-tile')?.focus(), []);
  const name = desktop?.name ?? 'Desktop';
  const close = (): void => desktopSession.closeMenu();
  const shutDown = (): void => {
    close();
    if (desktop !== undefined) {
      void requestPowerAction(desktop, 'stop').then((done) => done && onPower('stop'));
    }
  };
  return (
    <div
      class="menu-panel themed"
      role="dialog"
      aria-modal="true"
      aria-label={`Menu of ${name}`}
      ref={root}
      onKeyDown={(event) => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          close();
        } else if (root.current !== null) {
          moveFocus(event, root.current);
        }
      }}
    >
      <header class="menu-head">
        <strong>{name}</strong>
        {watching && <span class="menu-mode">Watching only</span>}
        <button type="button" class="button quiet square" aria-label="Close the menu" title="Close (Esc)" onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      <Tiles {...props} />
      {!watching && <ScreenSection desktopSession={desktopSession} desktopId={desktop?.id} />}
      {!watching && <KeysSection desktopSession={desktopSession} />}
      <MoreSection {...props} name={name} />
      {desktop !== undefined && !watching && <PowerSection desktop={desktop} onPower={onPower} close={close} />}
      <footer class="menu-foot">
        <button type="button" class="button" onClick={() => navigate('/')}>
          <Icon name="leave" />
          Disconnect
        </button>
        {desktop !== undefined && !watching && (
          <button type="button" class="button" onClick={shutDown} disabled={desktop.state !== 'running'}>
            <Icon name="power" />
            Shut down
          </button>
        )}
      </footer>
      {!hasTouch() && <p class="menu-note">{MENU_SHORTCUT}, pressed and let go, opens this menu.</p>}
    </div>
  );
}
