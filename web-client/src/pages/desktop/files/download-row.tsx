import { byteCount } from './byte-count';
import type { FileDownloads, Download } from './file-downloads';
import { TrayRow } from './tray-row';

/** Row of one download in the tray: the offer with its buttons, the progress and the result. */
export function DownloadRow({ download, downloads }: { readonly download: Download; readonly downloads: FileDownloads }) {
  const { id, name, state } = download;
  const isOffer = state === 'offered';
  return (
    <TrayRow
      row={download}
      status={
        <>
          {isOffer && <span class="visually-hidden">{name}, </span>}
          {statusText(download)}
        </>
      }
      alerts={state === 'failed' || isOffer}
      progressLabel={state === 'receiving' ? 'Saving' : undefined}
      onCancel={isOffer ? undefined : () => downloads.decline(id)}
      onDismiss={() => downloads.dismiss(id)}
    >
      {isOffer && (
        <>
          <button type="button" class="button" aria-label={`Save ${name}`} onClick={() => void downloads.save(download)}>
            Save
          </button>
          <button type="button" class="link" aria-label={`Decline ${name}`} onClick={() => downloads.decline(id)}>
            Decline
          </button>
        </>
      )}
    </TrayRow>
  );
}

/** Describes the state of a download. */
function statusText({ state, size, received, text }: Download): string {
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
