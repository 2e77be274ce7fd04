import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../../api/http';
import { logIn, sessionEndText } from '../../api/session';
import { Logo } from '../../ui/logo';
import { useTitle } from '../../ui/title';
import { DuskScene } from './dusk-scene';
import './login.css';

/** Countdown in seconds until the next login attempt is permitted; 0: permitted now. */
function useCountdown(): [seconds: number, start: (seconds: number) => void] {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    if (seconds <= 0) {
      return undefined;
    }
    const timer = setTimeout(() => setSeconds(seconds - 1), 1000);
    return () => clearTimeout(timer);
  }, [seconds]);
  return [seconds, setSeconds];
}

/** Login page. After a success the application navigates to the path in the `next` parameter. */
export function LoginPage() {
  useTitle('Log in');
  const form = useRef<HTMLFormElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [capsLock, setCapsLock] = useState(false);
  const [wait, startWait] = useCountdown();

  const fail = (reason: unknown): void => {
    if (reason instanceof ApiError && reason.status === 429) {
      setError(null);
      startWait(reason.retryAfterS ?? 10);
    } else if (reason instanceof ApiError && reason.code === 'login_failed') {
      setError('The name or the password is wrong.');
      const password = form.current?.elements.namedItem('password');
      if (password instanceof HTMLInputElement) {
        password.select();
        password.focus();
      }
    } else {
      setError(reason instanceof Error ? reason.message : 'The login failed. Try again.');
    }
  };

  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (form.current === null || busy || wait > 0) {
      return;
    }
    // Read from the form and not from state: password managers may fill fields without dispatching events.
    const fields = new FormData(form.current);
    const text = (name: string): string => {
      const value = fields.get(name);
      return typeof value === 'string' ? value : '';
    };
    setBusy(true);
    setError(null);
    try {
      await logIn(text('username').trim(), text('password'));
    } catch (reason) {
      fail(reason);
    } finally {
      setBusy(false);
    }
  };

  const watchCapsLock = (event: KeyboardEvent): void => setCapsLock(event.getModifierState('CapsLock'));
  const message = wait > 0 ? `Too many attempts. You can try again in ${wait} s.` : error;

  return (
    <main class="login">
      <DuskScene />
      <section class="login-panel">
        <Logo />
        <h1>Come in.</h1>
        <p class="login-lead">{sessionEndText.value ?? 'Your desktop is where you left it.'}</p>
        <form ref={form} method="post" onSubmit={(event) => void submit(event)}>
          <label class="field">
            Name
            <input name="username" autocomplete="username" autocapitalize="none" spellcheck={false} required autofocus />
          </label>
          <label class="field">
            Password
            <input
              name="password"
              type="password"
              autocomplete="current-password"
              required
              aria-describedby="login-message"
              onKeyDown={watchCapsLock}
              onKeyUp={watchCapsLock}
              onBlur={() => setCapsLock(false)}
            />
          </label>
          <p class={message === null ? 'login-message' : 'login-message is-error'} id="login-message" role="alert">
            {message ?? (capsLock ? 'Caps Lock is on.' : '')}
          </p>
          <button type="submit" class="button primary large" disabled={busy || wait > 0}>
            {busy ? 'Logging in…' : 'Log in'}
          </button>
        </form>
      </section>
    </main>
  );
}
