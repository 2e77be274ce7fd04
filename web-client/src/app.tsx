import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { findDesktop, loadDesktops } from './api/desktops';
import { loadSession, session, settings } from './api/session';
import type { Session } from './api/types';
import { ConfirmHost } from './ui/dialog';
import { Logo } from './ui/logo';
import { NoticeHost } from './ui/notices';
import { SessionWarning } from './ui/session-warning';
import { applyTheme } from './ui/theme';
import { DesktopPage } from './pages/desktop/desktop-page';
import { DesktopsPage } from './pages/desktops/desktops-page';
import { LoginPage } from './pages/login/login-page';
import { UnsupportedPage } from './pages/unsupported-page';
import { navigate, nextAfterLogin, path } from './router';
import { missingSupport } from './support';

/** Interval in milliseconds at which an unreachable server is tried again. */
const RETRY_MS = 3000;

/** Whether the user has chosen to continue without a missing feature. */
const continueWithout = signal(false);

/** Root component: the page of the current path, or an error while the server cannot be reached. */
export function App() {
  const problem = useSession();
  const theme = settings.value?.theme;
  useEffect(() => applyTheme(theme), [theme]);
  return (
    <>
      {problem === null ? <Page /> : <Unreachable text={problem} />}
      <ConfirmHost />
      <NoticeHost />
      <SessionWarning />
    </>
  );
}

/** Loads the session, and retries until the server responds. Returns the error message meanwhile. */
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

/** Page of the current path. Redirects to the login without a session, and away from it with one. */
function Page() {
  const current = session.value;
  const currentPath = path.value;
  const redirect = current === null && currentPath !== '/login' ? `/login${currentPath === '/' ? '' : `?next=${encodeURIComponent(currentPath)}`}` : null;
  const surplusLogin = Boolean(current) && currentPath === '/login';
  useEffect(() => {
    if (redirect !== null) {
      navigate(redirect, { replace: true });
    } else if (surplusLogin) {
      navigate(nextAfterLogin(location.search), { replace: true });
    }
  }, [redirect, surplusLogin]);

  if (current === undefined) {
    return null;
  }
  if (current === null) {
    return <LoginPage />;
  }
  const id = /^\/desktop\/([^/]+)$/.exec(currentPath)?.[1];
  if (id === undefined) {
    return <DesktopsPage />;
  }
  const missing = missingSupport();
  return missing === null || (missing.limitation !== null && continueWithout.value) ? (
    <DesktopLoader key={id} id={decodeURIComponent(id)} current={current} />
  ) : (
    <UnsupportedPage
      missing={missing}
      onContinue={() => {
        continueWithout.value = true;
      }}
    />
  );
}

/** Desktop page, mounted once the desktop's record is loaded: its `video_only` setting is part of Hello. */
function DesktopLoader({ id, current }: { readonly id: string; readonly current: Session }) {
  const [ready, setReady] = useState(findDesktop(id) !== undefined);
  useEffect(() => {
    if (!ready) {
      // Connecting meets the same error again and reports it.
      void loadDesktops()
        .catch(() => undefined)
        .then(() => setReady(true));
    }
  }, []);
  return ready ? <DesktopPage id={id} session={current} videoOnly={findDesktop(id)?.video_only ?? false} /> : null;
}

/** Page shown while the server cannot be reached. */
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
