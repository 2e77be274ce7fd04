import { computed, effect, signal } from '@preact/signals';
import { notify } from '../../../ui/notices';
import type { ClipboardContents } from '../../../worker/messages';
import type { WorkerClient } from '../worker-client';
import { fingerprint, isEmpty, isTooLarge, readPasteEvent, type Pasted, readLocal, readPermission, writeLocal } from './local-clipboard';

/** A browser that brings no `paste` event after the keys brings none at all. */
const PASTE_EVENT_MS = 250;
/** From the server's knowledge of an offer to the guest's programs': its agent takes the selection meanwhile. */
const SELECTION_DELAY_MS = 60;

export const TOO_LARGE = 'What you copied is too large for the desktop’s clipboard (64 MiB). Save it as a file and send that.';
const REFUSED =
  'Your browser keeps this page from your clipboard, so what you copied stays in the desktop. Allow it in the site’s settings beside the address.';

/** The user's clipboard and the guest's, kept as one. */
export class ClipboardSync {
  /** Whether what the user copied may be pasted in the guest. */
  readonly canSend = computed(() => this.#interactive.value && this.#worker.agents.value.clipboardTo);
  /** Whether what was copied in the guest may be pasted here. */
  readonly canReceive = computed(() => this.#interactive.value && this.#worker.agents.value.clipboardFrom);
  /** Whether the page may look into the user's clipboard without being asked to paste. */
  readonly permission = signal<PermissionState | 'unknown'>('unknown');
  readonly #worker: WorkerClient;
  readonly #interactive = computed(() => {
    const connection = this.#worker.connection.value;
    return connection.state === 'connected' && !connection.watching;
  });
  readonly #onFiles: (files: readonly File[]) => void;
  readonly #abort = new AbortController();
  readonly #stopEffect: () => void;
  /** What both sides had last, by its fingerprint. */
  #lastFingerprint = '';
  /** What the guest copied and the browser has not let into the user's clipboard yet. */
  #pending: ClipboardContents | null = null;
  #refusalShown = false;
  #pendingPaste: ((pasted: Pasted | null) => void) | null = null;

  /** `onFiles` gets files that were pasted. */
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

  dispose(): void {
    this.#abort.abort();
    this.#stopEffect();
  }

  /**
   * The keys that paste went down, and the browser is about to say what is pasted. Resolves once the
   * guest has it, with whether the keys are still wanted there.
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

  /** Gives the guest something to paste. Resolves once it is there; false: it is too large. */
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
      // Newer than what the guest copied, which has to give way.
      this.#pending = null;
      await this.#worker.request({ kind: 'clipboard', contents });
      await new Promise((resolve) => setTimeout(resolve, SELECTION_DELAY_MS));
    }
    return true;
  }

  /** Asks the browser to let this page see the clipboard; it asks the user. */
  async requestPermission(): Promise<void> {
    await readLocal().then(
      (contents) => this.offer(contents),
      () => undefined,
    );
    this.permission.value = await readPermission();
  }

  /** The guest copied something. */
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

  async #onFocus(): Promise<void> {
    await this.#flush(false);
    await this.#offerLocal();
  }

  /** Offers what the user copied elsewhere, where the browser lets the page look. */
  async #offerLocal(): Promise<void> {
    this.permission.value = await readPermission();
    if (this.permission.value === 'granted' && this.canSend.peek() && document.hasFocus() && this.#pending === null) {
      await readLocal().then(
        (contents) => (isTooLarge(contents) ? undefined : this.offer(contents)),
        () => undefined,
      );
    }
  }

  #onPaste(event: ClipboardEvent): void {
    if (this.#pendingPaste !== null && event.clipboardData !== null) {
      event.preventDefault();
      this.#pendingPaste(readPasteEvent(event.clipboardData));
    }
  }

  /** Writes what waits; `gesture`: the user is doing something, when every browser allows it. */
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
