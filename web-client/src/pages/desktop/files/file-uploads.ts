import { computed, signal } from '@preact/signals';
import { notify } from '../../../ui/notices';
import type { WorkerClient, UploadStatus } from '../worker-client';
import { plainName } from './file-name';

/** A file on its way into the guest, or at its end. */
export interface Transfer {
  readonly id: number;
  readonly name: string;
  readonly size: number;
  /** Bytes that the guest has taken. */
  readonly received: number;
  readonly state: 'waiting' | 'sending' | 'done' | 'failed';
  /** Why it failed; one plain sentence. */
  readonly text: string;
  /** Kept to send it again. */
  readonly file: File;
}

/** What is done is worth seeing for so long. */
const DONE_SHOWN_MS = 6000;

/** The files that the user sends to the guest. */
export class FileUploads {
  /** Whether the guest takes files from this viewer. */
  readonly isAvailable = computed(() => {
    const connection = this.#worker.connection.value;
    return connection.state === 'connected' && !connection.watching && this.#worker.agents.value.files;
  });
  readonly transfers = signal<readonly Transfer[]>([]);
  readonly #worker: WorkerClient;
  #lastId = 0;

  constructor(worker: WorkerClient) {
    this.#worker = worker;
  }

  send(files: readonly File[]): void {
    if (!this.isAvailable.peek()) {
      notify('This desktop takes no files now.');
      return;
    }
    for (const file of files) {
      this.#lastId += 1;
      const id = this.#lastId;
      const name = plainName(file.name);
      const added: Transfer = { id, name, size: file.size, received: 0, state: 'waiting', text: '', file };
      this.transfers.value = [...this.transfers.peek(), added];
      this.#worker.sendFile(id, name === file.name ? file : new File([file], name));
    }
  }

  cancel(id: number): void {
    this.#worker.cancelFile(id);
    this.dismiss(id);
  }

  retry({ id, file }: Transfer): void {
    if (this.isAvailable.peek()) {
      this.dismiss(id);
    }
    this.send([file]);
  }

  dismiss(id: number): void {
    this.transfers.value = this.transfers.peek().filter((transfer) => transfer.id !== id);
  }

  /** The worker tells what became of a file. */
  onStatus({ id, state, received, text }: UploadStatus): void {
    this.transfers.value = this.transfers
      .peek()
      .map((transfer) => (transfer.id === id ? { ...transfer, state, received, text } : transfer));
    if (state === 'done') {
      setTimeout(() => this.dismiss(id), DONE_SHOWN_MS);
    }
  }
}
