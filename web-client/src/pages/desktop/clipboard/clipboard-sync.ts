import { computed, effect, signal } from '@preact/signals';
import { notify } from '../../../ui/notices';
import type { ClipboardContents } from '../../../worker/messages';
import type { WorkerClient } from '../worker-client';
import { fingerprint, isEmpty, isTooLarge, readPasteEvent, type Pasted, readLocal, readPermission, writeLocal } from './local-clipboard';

/** Time after the paste shortcut in which a `paste` event is expected, in milliseconds. */
const PASTE_EVENT_MS = 250;
/** Time from the server's receipt of an offer until the guest's agent owns the selection, in milliseconds. */
const SELECTION_DELAY_MS = 60;

/** Notice for contents above the size limit. */
export const TOO_LARGE = 'What you copied is too large for the desktop’s clipboard (64 MiB). Save it as a file and send that.';
/** Notice for a refused write. */
const REFUSED =
  'Your browser keeps this page from your clipboard, so what you copied stays in the desktop. Allow it in the site’s settings beside the address.';

/**
 * Synchronization of the user's clipboard with the guest's, within the browser's permissions. Without the read
 * permission, the user's clipboard is read only from `paste` events.
 */
export class ClipboardSync {
  /** Whether contents of the user's clipboard may be sent to the guest. */
  readonly canSend = computed(() => this.#interactive.value && this.#worker.agents.value.clipboardTo);
  /** Whether contents of the guest's clipboard may be written to the user's. */
  readonly canReceive = computed(() => this.#interactive.value && this.#worker.agents.value.clipboardFrom);
  /** Permission `clipboard-read`; `unknown`: the browser has none. */
  readonly permission = signal<PermissionState | 'unknown'>('unknown');
  readonly #worker: WorkerClient;
  readonly #interactive = computed(() => {
    const connection = this.#worker.connection.value;
    return connection.state === 'connected' && !connection.watching;
  });
  readonly #onFiles: (files: readonly File[]) => void;
  readonly #abort = new AbortController();
  readonly #stopEffect: () => void;
  /** Fingerprint of the latest contents that both clipboards have. */
  #lastFingerprint = '';
  /** Contents copied in the guest that the browser has not accepted yet. */
  #pending: ClipboardContents | null = null;
  #refusalShown = false;
  /** Resolves the wait for a `paste` event. */
  #pendingPaste: ((pasted: Pasted | null) => void) | null = null;

  /** Registers the event listeners. `onFiles` receives pasted files. */
  constructor(worker: WorkerClient, onFiles: (files: readonly File[]) => void) {
    this.#worker = worker;
    this.#onFiles = onFiles;
    const { signal } = this.#abort;
    document.addEventListener('paste', (event) => this.#onPaste(event), { signal });
    for (const gesture of ['pointerdown', 'keydown'] as const) {
      window.addEventListener(gesture, () => void this.#flush(true), { signal, capture: true });
    }
    window.addEventListener('focus', () => void this.#onFocus(), { signal });
    this.#stopEffect = effect(() => {
      if (this.canSend.value) {
        void this.#offerLocal();
      }
    });
  }

  /** Removes the event listeners. */
  dispose(): void {
    this.#abort.abort();
    this.#stopEffect();
  }

  /**
   * Handles the paste shortcut: waits for the `paste` event and offers its contents. Resolves once the guest has
   * them, with whether the shortcut is to be sent.
   */
  async onPasteShortcut(): Promise<boolean> {
    const pasted = await new Promise<Pasted | null>((resolve) => {
      this.#pendingPaste?.(null);
      this.#pendingPaste = resolve;
      setTimeout(() => resolve(null), PASTE_EVENT_MS);
    });
    this.#pendingPaste = null;
    if (pasted === null) {
      return true;
    }
    if (pasted.files.length > 0) {
      this.#onFiles(pasted.files);
      return false;
    }
    return this.offer(pasted.contents);
  }

  /**
   * Offers contents to the guest. Resolves with `true` once the guest can paste, with `false` if the contents are too
   * large.
   */
  async offer(contents: ClipboardContents): Promise<boolean> {
    if (isEmpty(contents)) {
      return true;
    }
    if (isTooLarge(contents)) {
      notify(TOO_LARGE);
      return false;
    }
    const current = await fingerprint(contents);
    if (current !== this.#lastFingerprint) {
      this.#lastFingerprint = current;
      // These contents are newer than those copied in the guest.
      this.#pending = null;
      await this.#worker.request({ kind: 'clipboard', contents });
      await new Promise((resolve) => setTimeout(resolve, SELECTION_DELAY_MS));
    }
    return true;
  }

  /** Requests the permission to read the clipboard; the browser may ask the user. */
  async requestPermission(): Promise<void> {
    await readLocal().then(
      (contents) => this.offer(contents),
      () => undefined,
    );
    this.permission.value = await readPermission();
  }

  /** Handles contents copied in the guest. */
  onGuestCopy(contents: ClipboardContents): void {
    if (!this.canReceive.peek()) {
      return;
    }
    if (isEmpty(contents)) {
      notify('What was copied in the desktop could not be brought to this computer.');
      return;
    }
    this.#pending = contents;
    void this.#flush(false);
  }

  /** Writes pending contents and offers the user's, after the window got the focus. */
  async #onFocus(): Promise<void> {
    await this.#flush(false);
    await this.#offerLocal();
  }

  /** Offers the user's clipboard, if the permission to read it is granted. */
  async #offerLocal(): Promise<void> {
    this.permission.value = await readPermission();
    if (this.permission.value === 'granted' && this.canSend.peek() && document.hasFocus() && this.#pending === null) {
      await readLocal().then(
        (contents) => (isTooLarge(contents) ? undefined : this.offer(contents)),
        () => undefined,
      );
    }
  }

  /** Handles a `paste` event after the paste shortcut. */
  #onPaste(event: ClipboardEvent): void {
    if (this.#pendingPaste !== null && event.clipboardData !== null) {
      event.preventDefault();
      this.#pendingPaste(readPasteEvent(event.clipboardData));
    }
  }

  /** Writes pending contents to the user's clipboard. `gesture`: during an interaction, when every browser permits it. */
  async #flush(gesture: boolean): Promise<void> {
    const contents = this.#pending;
    if (contents === null || !document.hasFocus()) {
      return;
    }
    try {
      await writeLocal(contents);
    } catch {
      if (gesture && !this.#refusalShown) {
        this.#refusalShown = true;
        notify(REFUSED);
      }
      return;
    }
    if (this.#pending === contents) {
      this.#pending = null;
      this.#lastFingerprint = await fingerprint(contents);
    }
  }
}
