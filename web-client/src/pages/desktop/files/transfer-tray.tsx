import { Icon } from '../../../ui/icons';
import { byteCount } from './byte-count';
import type { FileDownloads } from './file-downloads';
import type { FileUploads, Transfer } from './file-uploads';
import { DownloadRow } from './download-row';
import { TrayRow } from './tray-row';
import './files.css';

/** Tray of all file transfers; nothing is rendered without transfers. */
export function TransferTray({ uploads, downloads }: { readonly uploads: FileUploads; readonly downloads: FileDownloads }) {
  const transfers = uploads.transfers.value;
  const offered = downloads.downloads.value;
  if (transfers.length === 0 && offered.length === 0) {
    return null;
  }
  return (
    <section class="tray themed" aria-label="Files">
      <ul>
        {offered.map((download) => (
          <DownloadRow key={`from-${download.id}`} download={download} downloads={downloads} />
        ))}
        {transfers.map((transfer) => (
          <TransferRow key={`to-${transfer.id}`} transfer={transfer} uploads={uploads} />
        ))}
      </ul>
    </section>
  );
}

/** Row of one upload. */
function TransferRow({ transfer, uploads }: { readonly transfer: Transfer; readonly uploads: FileUploads }) {
  const { id, state } = transfer;
  return (
    <TrayRow
      row={transfer}
      status={statusText(transfer)}
      alerts={state === 'failed'}
      progressLabel="Sending"
      onCancel={() => uploads.cancel(id)}
      onDismiss={() => uploads.dismiss(id)}
    >
      {state === 'failed' && (
        <button type="button" class="link" onClick={() => uploads.retry(transfer)}>
          Send again
        </button>
      )}
    </TrayRow>
  );
}

/** Describes the state of an upload. */
function statusText({ state, size, received, text }: Transfer): string {
  switch (state) {
    case 'waiting':
      return `${byteCount(size)}, waiting`;
    case 'sending':
      return `${byteCount(received)} of ${byteCount(size)}`;
    case 'done':
      return `${byteCount(size)}, now in the desktop`;
    case 'failed':
      return text;
  }
}

/** Hint shown while files are dragged over the picture. */
export function DropHint({ name }: { readonly name: string }) {
  return (
    <div class="drop-hint" aria-hidden="true">
      <p>
        <Icon name="upload" />
        Drop to send to {name}
      </p>
    </div>
  );
}
