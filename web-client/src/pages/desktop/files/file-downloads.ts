import { computed, signal } from '@preact/signals';
import { notify } from '../../../ui/notices';
import type { WorkerClient, DownloadStatus } from '../worker-client';
import { saveBlob } from './save-blob';
import { savedName } from './file-name';
import { chooseSaveTarget } from './choose-save-target';

/** File that the guest sends, offered, in transfer or finished. */
export interface Download {
  /** Number of the download. */
  readonly id: number;
  /** File name, safe to show and save. */
  readonly name: string;
  /** Size in bytes. */
  readonly size: number;
  /** Bytes stored here. */
  readonly received: number;
  /** State of the transfer. */
  readonly state: 'offered' | 'receiving' | 'done' | 'failed';
  /** Reason of a failure, one sentence; otherwise empty. */
  readonly text: string;
}

/** Time for which a finished transfer is shown, in milliseconds. */
const DONE_SHOWN_MS = 6000;

/** Files that the guest sends to the user, who decides on each. */
export class FileDownloads {
  /** Downloads in the order of their offers. */
  readonly downloads = signal<readonly Download[]>([]);
  /** First offer without a decision; `null`: none. */
  readonly offer = computed(() => this.downloads.value.find(({ state }) => state === 'offered') ?? null);
  readonly #worker: WorkerClient;

  /** Creates an empty list. */
  constructor(worker: WorkerClient) {
    this.#worker = worker;
  }

  /** Adds an offer of the guest. */
  onOffer(id: number, name: string, size: number): void {
    const added: Download = { id, name: savedName(name), size, received: 0, state: 'offered', text: '' };
    this.downloads.value = [...this.downloads.peek(), added];
  }

  /** Accepts an offer, after the browser's save dialog where there is one. A cancelled dialog leaves the offer open. */
  async save({ id, name }: Download): Promise<void> {
    const target = await chooseSaveTarget(name);
    if (target === 'cancelled') {
      return;
    }
    if (!this.downloads.peek().some((download) => download.id === id && download.state === 'offered')) {
      notify(`${name} is no longer to be had. Send it again from the desktop.`);
    }
    this.#worker.acceptFile(id, target);
  }

  /** Declines an offer, or cancels a running download. */
  decline(id: number): void {
    this.#worker.declineFile(id);
    this.dismiss(id);
  }

  /** Removes a download from the list. */
  dismiss(id: number): void {
    this.downloads.value = this.downloads.peek().filter((download) => download.id !== id);
  }

  /** Handles a status of the worker. */
  onStatus({ id, state, received, text, blob }: DownloadStatus): void {
    if (state === 'withdrawn') {
      this.dismiss(id);
      return;
    }
    const known = this.downloads.peek().find((download) => download.id === id);
    if (known !== undefined && blob !== null) {
      saveBlob(blob, known.name);
    }
    this.downloads.value = this.downloads
      .peek()
      .map((download) => (download.id === id ? { ...download, state, received, text } : download));
    if (state === 'done') {
      setTimeout(() => this.dismiss(id), DONE_SHOWN_MS);
    }
  }
}
