import { useEffect, useState } from 'preact/hooks';
import { desktops, clearDesktops } from '../../api/desktops';
import { followDesktops } from '../../api/events';
import type { ApiError } from '../../api/http';
import { logOut, session } from '../../api/session';
import { Icon } from '../../ui/icons';
import { Logo } from '../../ui/logo';
import { Menu } from '../../ui/menu';
import { notify } from '../../ui/notices';
import { useTitle } from '../../ui/title';
import { PasswordDialog } from '../settings/password-dialog';
import { SettingsDialog } from '../settings/settings-dialog';
import { DesktopCard } from './desktop-card';
import { LayoutHint } from './layout-hint';
import './desktops.css';

/** Page with the user's desktops. */
export function DesktopsPage() {
  useTitle('My desktops');
  const [problem, setProblem] = useState<ApiError | null>(null);
  useEffect(() => followDesktops(setProblem), []);
  const user = session.value?.user;
  const server = session.value?.server;
  const list = desktops.value;

  return (
    <div class="shell">
      <TopBar name={user?.display_name ?? user?.name ?? ''} />
      <main class="desktops">
        <h1>My desktops</h1>
        <LayoutHint />
        {problem !== null && (
          <p class="banner" role="alert">
            <Icon name="warning" />
            {problem.message} Still trying.
          </p>
        )}
        {list === null && problem === null && <p class="desktops-loading">Looking for your desktops…</p>}
        {list?.length === 0 && <NoDesktops />}
        {list !== null && list.length > 0 && (
          <ul class="cards">
            {list.map((desktop) => (
              <li key={desktop.id}>
                <DesktopCard desktop={desktop} />
              </li>
            ))}
          </ul>
        )}
      </main>
      {server !== undefined && (
        <footer class="footer">
          <span>Oriel {server.version}</span>
          <span>{server.host_line}</span>
        </footer>
      )}
    </div>
  );
}

/** Text for a user without desktops. */
function NoDesktops() {
  return (
    <div class="empty">
      <h2>No desktop is yours yet</h2>
      <p>Whoever looks after this server can give you one. It appears here the moment that happens.</p>
    </div>
  );
}

/** Bar with settings and the account menu. */
function TopBar({ name }: { readonly name: string }) {
  const [open, setOpen] = useState<'settings' | 'password' | null>(null);
  const leave = async (): Promise<void> => {
    try {
      await logOut();
      clearDesktops();
    } catch (error) {
      notify(error instanceof Error ? error.message : 'Logging out failed. Try again.');
    }
  };
  return (
    <header class="topbar">
      <Logo />
      <button type="button" class="button quiet" onClick={() => setOpen('settings')}>
        <Icon name="settings" />
        Settings
      </button>
      <Menu
        label={`Account of ${name}`}
        icon="user"
        items={[
          { label: 'Change password…', run: () => setOpen('password') },
          { label: 'Log out', run: () => void leave() },
        ]}
      >
        <span class="topbar-name">{name}</span>
      </Menu>
      {open === 'settings' && <SettingsDialog onClose={() => setOpen(null)} />}
      {open === 'password' && <PasswordDialog onClose={() => setOpen(null)} />}
    </header>
  );
}
