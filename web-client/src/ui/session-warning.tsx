import { useEffect, useState } from 'preact/hooks';
import { followActivity, nearEnd } from '../api/activity';
import { session } from '../api/session';

/** Follows the user's activity while there is a session, and warns with a countdown before the session ends. */
export function SessionWarning() {
  const loggedIn = Boolean(session.value);
  useEffect(() => (loggedIn ? followActivity() : undefined), [loggedIn]);
  const end = nearEnd.value;
  return end === null ? null : <Countdown at={end.at} idle={end.idle} />;
}

/** Warning with the seconds that are left; anything that the user does removes it. */
function Countdown({ at, idle }: { readonly at: number; readonly idle: boolean }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.ceil((at - now) / 1000));
  return (
    <div class="session-warning themed" role="alertdialog" aria-label="Your session is about to end">
      <p>
        <strong>You will be logged out in {seconds} s.</strong>{' '}
        {idle ? 'Press a key or move the pointer to stay.' : 'Log in again then.'} Your desktop runs on.
      </p>
    </div>
  );
}
