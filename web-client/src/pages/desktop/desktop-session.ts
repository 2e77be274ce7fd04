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

/** DOM elements of the desktop page. */
export interface DesktopElements {
  /** Focusable element that contains the picture. */
  readonly viewport: HTMLElement;
  /** Canvas of the picture; the worker paints it. */
  readonly canvas: HTMLCanvasElement;
  /** Image of the drawn pointer. */
  readonly cursor: HTMLImageElement;
  /** Hidden field for on-screen keyboards and input methods. */
  readonly softField: HTMLTextAreaElement;
}

/** Session of one desktop on the page: connects worker, input, audio, clipboard and files, and places the picture. */
export class DesktopSession {
  /** Worker that shows the desktop. */
  readonly worker: WorkerClient;
  /** Audio of the desktop. */
  readonly audio: DesktopAudio;
  /** Synchronization of the clipboards. */
  readonly clipboard: ClipboardSync;
  /** Transfers of files to the guest. */
  readonly uploads: FileUploads;
  /** Transfers of files from the guest. */
  readonly downloads: FileDownloads;
  /** Drop target for files. */
  readonly drop: FileDrop;
  /** Whether the session menu is open. */
  readonly menuOpen = signal(false);
  /** Whether the input method of the user's computer composes text, and not the guest's. */
  readonly localInput = signal(false);
  /** Whether the page is in fullscreen. */
  readonly fullscreen = signal(document.fullscreenElement !== null);
  /** Whether the pointer is locked to the picture. */
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

  /** Starts the worker and registers all listeners; {@link dispose} ends both. */
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

  /** Moves the keyboard focus to the desktop. */
  focus(): void {
    const { viewport, softField } = this.#elements;
    (this.localInput.peek() ? softField : viewport).focus({ preventScroll: true });
  }

  /** Closes the session menu and returns the focus to the desktop. */
  closeMenu(): void {
    this.menuOpen.value = false;
    this.focus();
  }

  /**
   * Enters or leaves fullscreen, with the keyboard locked where the browser supports it. Rejects when the browser
   * refuses.
   */
  async toggleFullscreen(): Promise<void> {
    if (document.fullscreenElement === null) {
      await document.documentElement.requestFullscreen({ navigationUI: 'hide' });
      // Keyboard Lock: shortcuts of the browser and the operating system reach the desktop too.
      await (navigator as NavigatorWithKeyboard).keyboard?.lock?.();
    } else {
      await document.exitFullscreen();
    }
  }

  /** Locks or unlocks the pointer. Rejects when the browser refuses. */
  async togglePointerLock(): Promise<void> {
    if (document.pointerLockElement !== null) {
      document.exitPointerLock();
      return;
    }
    const { viewport } = this.#elements;
    // Without the acceleration of the operating system, where it is supported.
    try {
      await viewport.requestPointerLock({ unadjustedMovement: true });
    } catch {
      await viewport.requestPointerLock();
    }
    // With Keyboard Lock in fullscreen, Esc has to be held down.
    notify(`${this.fullscreen.peek() ? 'Esc, held down,' : 'Esc'} gives you the pointer back.`);
  }

  /** Presses and releases keys in the guest, for combinations that the user's system intercepts. */
  press(codes: readonly number[]): void {
    this.#input.press(codes);
  }

  /** Shows the on-screen keyboard of a touch device. */
  showSoftKeyboard(): void {
    this.#input.showSoftKeyboard();
  }

  /** Saves the picture as a PNG file, with a name from `name` and the time. */
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

  /** Ends the session: removes all listeners and stops the worker. */
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

  /** Offers text that the guest's layout cannot type as clipboard contents. */
  async #offerUntypeable(text: string): Promise<void> {
    const sent = this.clipboard.canSend.peek() && (await this.clipboard.offer({ text, png: null }));
    notify(
      sent
        ? `The desktop’s keyboard cannot type “${text}”. It is in its clipboard: paste it there.`
        : `The desktop’s keyboard cannot type “${text}”.`,
    );
  }

  /** Whether inputs are accepted. */
  #isInteractive(): boolean {
    const connection = this.worker.connection.peek();
    return connection.state === 'connected' && !connection.watching;
  }

  /** Maps a point of the window to fractions of the screen. */
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
        // Touch input has no cursor: draw the guest's pointer.
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
        // A zoom is meaningless after a change of the picture's or the window's size.
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
