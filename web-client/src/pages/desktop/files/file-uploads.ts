import { computed, signal } from '@preact/signals';
import { notify } from '../../../ui/notices';
import type { WorkerClient, UploadStatus } from '../worker-client';
import { plainName } from './file-name';

/** File that the user sends, in transfer or finished. */
export interface Transfer {
  /** Number of the upload. */
  readonly id: number;
  /** File name. */
  readonly name: string;
  /** Size in bytes. */
  readonly size: number;
  /** Bytes that the guest has received. */
  readonly received: number;
  /** State of the transfer. */
  readonly state: 'waiting' | 'sending' | 'done' | 'failed';
  /** Reason of a failure, one sentence; otherwise empty. */
  readonly text: string;
  /** File, for a repeated transfer. */
  readonly file: File;
}

/** Time for which a finished transfer is shown, in milliseconds. */
const DONE_SHOWN_MS = 6000;

/** Files that the user sends to the guest. */
export class FileUploads {
  /** Whether the guest accepts files from this client. */
  readonly isAvailable = computed(() => {
    const connection = this.#worker.connection.value;
    return connection.state === 'connected' && !connection.watching && this.#worker.agents.value.files;
  });
  /** Uploads in the order of their start. */
  readonly transfers = signal<readonly Transfer[]>([]);
  readonly #worker: WorkerClient;
  #lastId = 0;

  /** Creates an empty list. */
  constructor(worker: WorkerClient) {
    this.#worker = worker;
  }

  /** Sends files; shows a notice if the guest accepts none. */
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

  /** Cancels an upload and removes it from the list. */
  cancel(id: number): void {
    this.#worker.cancelFile(id);
    this.dismiss(id);
  }

  /** Sends a file again after a failure. */
  retry({ id, file }: Transfer): void {
    if (this.isAvailable.peek()) {
      this.dismiss(id);
    }
    this.send([file]);
  }

  /** Removes an upload from the list. */
  dismiss(id: number): void {
    this.transfers.value = this.transfers.peek().filter((transfer) => transfer.id !== id);
  }

  /** Handles a status of the worker. */
  onStatus({ id, state, received, text }: UploadStatus): void {
    this.transfers.value = this.transfers
      .peek()
      .map((transfer) => (transfer.id === id ? { ...transfer, state, received, text } : transfer));
    if (state === 'done') {
      setTimeout(() => this.dismiss(id), DONE_SHOWN_MS);
    }
  }
}
