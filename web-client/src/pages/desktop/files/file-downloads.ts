import { computed, signal } from '@preact/signals';
import { notify } from '../../../ui/notices';
import type { WorkerClient, DownloadStatus } from '../worker-client';
import { saveBlob } from './save-blob';
import { savedName } from './file-name';
import { chooseSaveTarget } from './choose-save-target';

/** A file that the guest sends, on its way or at its end. */
export interface Download {
  readonly id: number;
  readonly name: string;
  readonly size: number;
  /** Bytes that are stored here. */
  readonly received: number;
  readonly state: 'offered' | 'receiving' | 'done' | 'failed';
  /** Why it failed; one plain sentence. */
  readonly text: string;
}

/** What is done is worth seeing for so long. */
const DONE_SHOWN_MS = 6000;

/** The files that the guest sends to the user, who is asked about each. */
export class FileDownloads {
  readonly downloads = signal<readonly Download[]>([]);
  /** The first that nobody has answered. */
  readonly offer = computed(() => this.downloads.value.find(({ state }) => state === 'offered') ?? null);
  readonly #worker: WorkerClient;

  constructor(worker: WorkerClient) {
    this.#worker = worker;
  }

  onOffer(id: number, name: string, size: number): void {
    const added: Download = { id, name: savedName(name), size, received: 0, state: 'offered', text: '' };
    this.downloads.value = [...this.downloads.peek(), added];
  }

  /** Lets the user choose where, as far as the browser asks that; they may change their mind. */
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

  /** Declines it or stops it. */
  decline(id: number): void {
    this.#worker.declineFile(id);
    this.dismiss(id);
  }

  dismiss(id: number): void {
    this.downloads.value = this.downloads.peek().filter((download) => download.id !== id);
  }

  /** The worker tells what became of a file. */
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
