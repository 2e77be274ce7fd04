import { Icon } from '../../../design/icons';
import { byteCount } from './amounts';
import type { DeskDownloads, Download } from './desk-downloads';

/** A file that the guest sends: the question, its way, its end. */
export function DownloadRow({ download, downloads }: { readonly download: Download; readonly downloads: DeskDownloads }) {
  const { id, name, size, received, state } = download;
  const over = state === 'done' || state === 'failed';
  return (
    <li class={`tray-row is-${state}`}>
      <bdi class="tray-name" title={name}>
        {name}
      </bdi>
      <p class="tray-state" role={state === 'failed' || state === 'offered' ? 'alert' : undefined}>
        {state === 'offered' && <span class="visually-hidden">{name}, </span>}
        {words(download)}
      </p>
      {state === 'receiving' && <progress aria-label={`Saving ${name}`} max={Math.max(1, size)} value={received} />}
      {state === 'offered' ? (
        <div class="tray-actions">
          <button type="button" class="button" aria-label={`Save ${name}`} onClick={() => void downloads.save(download)}>
            Save
          </button>
          <button type="button" class="link" aria-label={`Decline ${name}`} onClick={() => downloads.decline(id)}>
            Decline
          </button>
        </div>
      ) : (
        <div class="tray-actions">
          <button
            type="button"
            class="button quiet square"
            aria-label={over ? `Dismiss ${name}` : `Cancel ${name}`}
            title={over ? 'Dismiss' : 'Cancel'}
            onClick={() => (over ? downloads.dismiss(id) : downloads.decline(id))}
          >
            <Icon name="close" />
          </button>
        </div>
      )}
    </li>
  );
}

function words({ state, size, received, text }: Download): string {
  switch (state) {
    case 'offered':
      return `${byteCount(size)}, from the desktop`;
    case 'receiving':
      return `${byteCount(received)} of ${byteCount(size)}`;
    case 'done':
      return `${byteCount(size)}, saved here`;
    case 'failed':
      return text;
  }
}
