import { useState } from 'preact/hooks';
import { Dialog } from '../../../ui/dialog';
import { notify } from '../../../ui/notices';
import type { ClipboardSync } from './clipboard-sync';

interface ClipboardDialogProps {
  readonly clipboard: ClipboardSync;
  readonly onClose: () => void;
}

/** Dialog about the shared clipboard: directions, browser permission, and a text field as an alternative. */
export function ClipboardDialog({ clipboard, onClose }: ClipboardDialogProps) {
  const [text, setText] = useState('');
  const send = (event: Event): void => {
    event.preventDefault();
    void clipboard.offer({ text, png: null }).then((sent) => {
      if (sent) {
        notify('It is in the desktop’s clipboard. Paste it there.');
        onClose();
      }
    });
  };
  return (
    <Dialog title="Clipboard" onClose={onClose}>
      <section class="dialog-part">
        <h3>From this computer to the desktop</h3>
        {clipboard.canSend.value ? (
          <>
            <p>Copy text or a picture here, and press Ctrl+V in the desktop. Up to 64 MiB.</p>
            <Permission clipboard={clipboard} />
          </>
        ) : (
          <p>Not for this desktop: its administrator lets nothing in that was copied outside.</p>
        )}
      </section>
      <section class="dialog-part">
        <h3>From the desktop to this computer</h3>
        <p>
          {clipboard.canReceive.value
            ? 'Copy in the desktop, and paste here. Some browsers let it in at your next click or key.'
            : 'Not for this desktop: its administrator lets nothing out that is copied in it.'}
        </p>
      </section>
      {clipboard.canSend.value && (
        <form onSubmit={send}>
          <label class="field">
            Text for the desktop’s clipboard
            <textarea rows={3} value={text} onInput={({ currentTarget }) => setText(currentTarget.value)} />
          </label>
          <div class="dialog-actions">
            <button type="submit" class="button primary" disabled={text === ''}>
              Give it to the desktop
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

/** State of the clipboard permission, and how to change it. */
function Permission({ clipboard }: { readonly clipboard: ClipboardSync }) {
  switch (clipboard.permission.value) {
    case 'granted':
      return <p>You have let this page see your clipboard while it is in front, so the desktop’s own menus paste it too.</p>;
    case 'denied':
      return (
        <p>
          Your browser lets this page see your clipboard only when you press Ctrl+V. To paste from the desktop’s own menus as
          well, allow the clipboard in the site’s settings beside the address.
        </p>
      );
    case 'prompt':
      return (
        <>
          <p>
            To paste from the desktop’s own menus as well, let this page see your clipboard. Your browser asks you once; what
            you copy is then sent to the desktop whenever this page is in front.
          </p>
          <button type="button" class="button" onClick={() => void clipboard.requestPermission()}>
            Let this page see it
          </button>
        </>
      );
    case 'unknown':
      return <p>This browser lets a page see your clipboard only when you press Ctrl+V.</p>;
  }
}
