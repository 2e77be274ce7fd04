import { useState } from 'preact/hooks';
import { changePassword, session } from '../../api/session';
import { Dialog } from '../../ui/dialog';
import { notify } from '../../ui/notices';

/** Dialog to change the user's password. */
export function PasswordDialog({ onClose }: { readonly onClose: () => void }) {
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement) || busy) {
      return;
    }
    const fields = new FormData(event.currentTarget);
    const text = (name: string): string => {
      const value = fields.get(name);
      return typeof value === 'string' ? value : '';
    };
    if (text('new') !== text('again')) {
      setError('The new password and its repetition differ.');
      return;
    }
    setBusy(true);
    setError(null);
    try {
      await changePassword(text('old'), text('new'));
      onClose();
      notify('Your password is changed. Your other sessions have ended.');
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : 'The password could not be changed. Try again.');
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog title="Change password" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        {/* For password managers: the user to whom the password belongs. */}
        <input class="visually-hidden" autocomplete="username" value={session.value?.user.name} readOnly tabIndex={-1} aria-hidden="true" />
        <label class="field">
          Current password
          <input name="old" type="password" autocomplete="current-password" required autofocus />
        </label>
        <label class="field">
          New password
          <input name="new" type="password" autocomplete="new-password" required />
        </label>
        <label class="field">
          New password, once more
          <input name="again" type="password" autocomplete="new-password" required />
        </label>
        <p class="form-error" role="alert">
          {error}
        </p>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={busy}>
            Change password
          </button>
        </div>
      </form>
    </Dialog>
  );
}
