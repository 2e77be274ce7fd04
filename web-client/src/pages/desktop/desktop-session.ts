import { computed, effect, signal } from '@preact/signals';
import { settings } from '../../api/session';
import { notify } from '../../ui/notices';
import { DesktopInput } from '../../input/desktop-input';
import type { NavigatorWithKeyboard } from '../../input/layout-guess';
import { fitPicture, toFractions } from '../../input/placement';
import { loadTextTyper } from '../../input/text-typer';
import { magnified, NO_ZOOM, zoomBy } from '../../input/zoom';
import { ClipboardSync } from './clipboard/clipboard-sync';
import { DesktopAudio } from './desktop-audio';
import { WorkerClient, type StartOptions } from './worker-client';
import { FileDownloads } from './files/file-downloads';
import { FileUploads } from './files/file-uploads';
import { FileDrop } from './files/file-drop';
import { GuestCursor } from './guest-cursor';
import { requestFittingLayout } from './screens/fitting-layout';
import { ViewportObserver } from './screens/viewport-observer';

export interface DesktopElements {
  readonly viewport: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  readonly cursor: HTMLImageElement;
  readonly softField: HTMLTextAreaElement;
}

/** One shown desktop: the worker's picture in its place, the input over it, the pointer's looks. */
export class DesktopSession {
  readonly worker: WorkerClient;
  readonly audio: DesktopAudio;
  readonly clipboard: ClipboardSync;
  readonly uploads: FileUploads;
  readonly downloads: FileDownloads;
  readonly drop: FileDrop;
  readonly menuOpen = signal(false);
  /** Whether this computer's input method composes what is typed, and not the guest's. */
  readonly localInput = signal(false);
  readonly fullscreen = signal(document.fullscreenElement !== null);
  readonly pointerLocked = signal(false);
  readonly #elements: DesktopElements;
  readonly #usesTouch = signal(false);
  readonly #viewport: ViewportObserver;
  readonly #cursor: GuestCursor;
  readonly #input: DesktopInput;
  readonly #abort = new AbortController();
  #lockHintShown = false;
  readonly #stopEffects: (() => void)[] = [];

  readonly #zoom = signal(NO_ZOOM);
  readonly #fit = computed(() => {
    const screen = this.worker.screen.value;
    const viewport = this.#viewport.size.value;
    return screen === null || viewport === null ? null : fitPicture(screen, viewport);
  });
  readonly #placement = computed(() => (this.#fit.value === null ? null : magnified(this.#fit.value, this.#zoom.value)));

  constructor(elements: DesktopElements, start: StartOptions) {
    const { viewport, softField } = elements;
    this.#elements = elements;
    this.#cursor = new GuestCursor(viewport, elements.cursor);
    this.#viewport = new ViewportObserver(viewport);
    this.worker = new WorkerClient(elements.canvas, start, {
      cursorShape: (shape) => this.#cursor.setShape(shape),
      cursorMove: (x, y) => this.#cursor.moveTo(x, y),
      leds: (leds) => this.#input.setLeds(leds),
      notice: notify,
      guestClipboard: (contents) => this.clipboard.onGuestCopy(contents),
      upload: (status) => this.uploads.onStatus(status),
      fileOffer: (id, name, size) => this.downloads.onOffer(id, name, size),
      download: (status) => this.downloads.onStatus(status),
    });
    this.audio = new DesktopAudio(this.worker);
    this.uploads = new FileUploads(this.worker);
    this.downloads = new FileDownloads(this.worker);
    this.clipboard = new ClipboardSync(this.worker, (files) => this.uploads.send(files));
    this.drop = new FileDrop(
      viewport,
      () => this.uploads.isAvailable.peek(),
      (files) => this.uploads.send(files),
    );
    this.#input = new DesktopInput({
      viewport,
      softField,
      send: (input) => {
        if (this.#isInteractive()) {
          this.worker.sendInput(input);
          this.#cursor.trackInput(input, this.worker.screen.peek());
        }
      },
      locate: (x, y) => this.#locate(x, y),
      magnify: (factor, about, by) => {
        const fit = this.#fit.peek();
        const visible = window.visualViewport ?? { width: viewport.clientWidth, height: viewport.clientHeight };
        if (fit !== null) {
          this.#zoom.value = zoomBy(this.#zoom.peek(), factor, about, by, fit, visible);
        }
      },
      onUntypeable: (text) => void this.#offerUntypeable(text),
      onMenu: () => {
        this.menuOpen.value = true;
      },
      paste: { isAvailable: () => this.clipboard.canSend.peek(), completed: () => this.clipboard.onPasteShortcut() },
    });
    if (start.mode === 'interact') {
      this.#stopEffects.push(requestFittingLayout(this.worker, this.#viewport, start.screen));
    }
    this.#listenToWindow();
    this.#startEffects();
    viewport.focus();
  }

  /** Gives the keys to the desktop. */
  focus(): void {
    const { viewport, softField } = this.#elements;
    (this.localInput.peek() ? softField : viewport).focus({ preventScroll: true });
  }

  closeMenu(): void {
    this.menuOpen.value = false;
    this.focus();
  }

  async toggleFullscreen(): Promise<void> {
    if (document.fullscreenElement === null) {
      await document.documentElement.requestFullscreen({ navigationUI: 'hide' });
      // With the lock, keys that belong to the browser or the system reach the desktop too.
      await (navigator as NavigatorWithKeyboard).keyboard?.lock?.();
    } else {
      await document.exitFullscreen();
    }
  }

  async togglePointerLock(): Promise<void> {
    if (document.pointerLockElement !== null) {
      document.exitPointerLock();
      return;
    }
    const { viewport } = this.#elements;
    // Movements as the mouse makes them, where the system tells them.
    try {
      await viewport.requestPointerLock({ unadjustedMovement: true });
    } catch {
      await viewport.requestPointerLock();
    }
    // With its keyboard locked, a full screen takes a long press.
    notify(`${this.fullscreen.peek() ? 'Esc, held down,' : 'Esc'} gives you the pointer back.`);
  }

  /** Presses keys in the guest that do not get past the user's own system. */
  press(codes: readonly number[]): void {
    this.#input.press(codes);
  }

  showSoftKeyboard(): void {
    this.#input.showSoftKeyboard();
  }

  async saveScreenshot(name: string): Promise<void> {
    const blob = await this.worker.request({ kind: 'screenshot' });
    if (blob instanceof Blob) {
      const anchor = document.createElement('a');
      anchor.href = URL.createObjectURL(blob);
      anchor.download = `${name} ${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.png`;
      anchor.click();
      URL.revokeObjectURL(anchor.href);
    }
  }

  dispose(): void {
    this.#abort.abort();
    this.#viewport.dispose();
    this.#input.dispose();
    this.drop.dispose();
    this.clipboard.dispose();
    for (const stop of this.#stopEffects) {
      stop();
    }
    this.audio.dispose();
    this.worker.dispose();
    if (document.fullscreenElement !== null) {
      void document.exitFullscreen();
    }
  }

  /** What no keys type is left to the clipboard. */
  async #offerUntypeable(text: string): Promise<void> {
    const sent = this.clipboard.canSend.peek() && (await this.clipboard.offer({ text, png: null }));
    notify(
      sent
        ? `The desktop’s keyboard cannot type “${text}”. It is in its clipboard: paste it there.`
        : `The desktop’s keyboard cannot type “${text}”.`,
    );
  }

  #isInteractive(): boolean {
    const connection = this.worker.connection.peek();
    return connection.state === 'connected' && !connection.watching;
  }

  #locate(clientX: number, clientY: number): { readonly x: number; readonly y: number } {
    const placement = this.#placement.peek();
    const screen = this.worker.screen.peek();
    if (placement === null || screen === null) {
      return { x: 0, y: 0 };
    }
    return toFractions(clientX, clientY, placement, screen);
  }

  #listenToWindow(): void {
    const { viewport } = this.#elements;
    const { signal } = this.#abort;
    document.addEventListener(
      'fullscreenchange',
      () => {
        this.fullscreen.value = document.fullscreenElement !== null;
        if (!this.fullscreen.value) {
          (navigator as NavigatorWithKeyboard).keyboard?.unlock?.();
        }
      },
      { signal },
    );
    document.addEventListener(
      'pointerlockchange',
      () => {
        this.pointerLocked.value = document.pointerLockElement === viewport;
      },
      { signal },
    );
    viewport.addEventListener(
      'pointerdown',
      ({ pointerType }) => {
        this.menuOpen.value = false;
        // A finger has no cursor under it: show where the guest's pointer is.
        this.#usesTouch.value = pointerType === 'touch';
        if (pointerType === 'mouse' && this.#cursor.isHidden && !this.pointerLocked.peek() && !this.#lockHintShown) {
          this.#lockHintShown = true;
          notify('The desktop hides its pointer. If it turns a view with the mouse, choose Lock pointer in the menu.');
        }
      },
      { signal },
    );
  }

  #startEffects(): void {
    const { canvas } = this.#elements;
    this.#stopEffects.push(
      effect(() => {
        // What was magnified is elsewhere in a picture of another size, or another window.
        if (this.#fit.value !== null) {
          this.#zoom.value = NO_ZOOM;
        }
      }),
      effect(() => {
        const placement = this.#placement.value;
        if (placement !== null) {
          canvas.style.left = `${placement.left}px`;
          canvas.style.top = `${placement.top}px`;
          canvas.style.width = `${placement.width}px`;
          canvas.style.height = `${placement.height}px`;
          canvas.classList.toggle('is-crisp', placement.crisp);
          this.#cursor.setPlacement(placement);
        }
      }),
      effect(() => {
        const { layout = '', layout_variant: variant = '' } = settings.value ?? {};
        void loadTextTyper(layout, variant).then((textTyper) => this.#input.setTextTyper(textTyper));
      }),
      effect(() => {
        const connection = this.worker.connection.value;
        if (connection.state === 'connected') {
          this.#cursor.setDrawn(connection.watching || this.pointerLocked.value || this.#usesTouch.value);
        } else {
          this.#cursor.reset();
        }
      }),
    );
  }
}
