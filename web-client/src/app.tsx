import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { findDesktop, loadDesktops } from './api/desktops';
import { loadSession, session, settings } from './api/session';
import type { Session } from './api/types';
import { ConfirmHost } from './ui/dialog';
import { Logo } from './ui/logo';
import { NoticeHost } from './ui/notices';
import { applyTheme } from './ui/theme';
import { DesktopPage } from './pages/desktop/desktop-page';
import { DesktopsPage } from './pages/desktops/desktops-page';
import { LoginPage } from './pages/login/login-page';
import { UnsupportedPage } from './pages/unsupported-page';
import { navigate, path } from './router';
import { missingSupport } from './support';

const RETRY_MS = 3000;

/** The user goes on with a browser that lacks something. */
const continuesAnyway = signal(false);

export function App() {
  const problem = useSession();
  const theme = settings.value?.theme;
  useEffect(() => applyTheme(theme), [theme]);
  return (
    <>
      {problem === null ? <Page /> : <Unreachable text={problem} />}
      <ConfirmHost />
      <NoticeHost />
    </>
  );
}

/** Finds out who is logged in, until the server answers; returns what stands in the way. */
function useSession(): string | null {
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async (): Promise<void> => {
      try {
        await loadSession();
        setProblem(null);
      } catch (error) {
        setProblem(error instanceof Error ? error.message : 'The server gives no answer.');
        timer = setTimeout(() => void load(), RETRY_MS);
      }
    };
    void load();
    return () => clearTimeout(timer);
  }, []);
  return problem;
}

function Page() {
  const current = session.value;
  const at = path.value;
  const wanted = current === null && at !== '/login' ? `/login${at === '/' ? '' : `?next=${encodeURIComponent(at)}`}` : null;
  const surplusLogin = Boolean(current) && at === '/login';
  useEffect(() => {
    if (wanted !== null) {
      navigate(wanted, { replace: true });
    } else if (surplusLogin) {
      navigate('/', { replace: true });
    }
  }, [wanted, surplusLogin]);

  if (current === undefined) {
    return null;
  }
  if (current === null) {
    return <LoginPage />;
  }
  const id = /^\/desktop\/([^/]+)$/.exec(at)?.[1];
  if (id === undefined) {
    return <DesktopsPage />;
  }
  const lack = missingSupport();
  return lack === null || (lack.without !== null && continuesAnyway.value) ? (
    <DesktopLoader key={id} id={decodeURIComponent(id)} current={current} />
  ) : (
    <UnsupportedPage
      lack={lack}
      onContinue={() => {
        continuesAnyway.value = true;
      }}
    />
  );
}

/** A desktop's page needs to know first whether everything is to come as H.264. */
function DesktopLoader({ id, current }: { readonly id: string; readonly current: Session }) {
  const [ready, setReady] = useState(findDesktop(id) !== undefined);
  useEffect(() => {
    if (!ready) {
      // Whatever goes wrong here goes wrong again on connecting, and is told there.
      void loadDesktops()
        .catch(() => undefined)
        .then(() => setReady(true));
    }
  }, []);
  return ready ? <DesktopPage id={id} session={current} videoOnly={findDesktop(id)?.video_only ?? false} /> : null;
}

function Unreachable({ text }: { readonly text: string }) {
  return (
    <main class="plain-page">
      <Logo />
      <div role="alert">
        <h1>No answer from the server</h1>
        <p>{text} This page tries again by itself.</p>
      </div>
    </main>
  );
}
