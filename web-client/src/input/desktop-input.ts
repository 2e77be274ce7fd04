import type { Leds } from '../protocol/server-messages';
import type { Input } from '../worker/messages';
import { hasTouch } from '../support';
import { InputQueue } from './input-queue';
import { Keyboard, platformOf } from './keyboard';
import { LockKeys } from './lock-keys';
import { MenuShortcut } from './menu-shortcut';
import { isPasteShortcut } from './paste-keys';
import { Pointer } from './pointer';
import { SoftKeyboard } from './soft-keyboard';
import { type Point, TouchGestures } from './touch-gestures';
import { TextTyper } from './text-typer';
import { WheelAccumulator } from './wheel-accumulator';

/**
 * Whether the browser dispatches `pointerrawupdate` as movements happen, and not only `pointermove` at the frame rate
 * (Pointer Events 3).
 */
const HAS_RAW_UPDATES = 'onpointerrawupdate' in window;

/** Options of {@link DesktopInput}. */
export interface DesktopInputOptions {
  /** Focusable element that contains the picture. */
  readonly viewport: HTMLElement;
  /** Hidden text field that receives text from on-screen keyboards and input methods. */
  readonly softField: HTMLTextAreaElement;
  /** Sends an input to the guest. */
  readonly send: (input: Input) => void;
  /** Maps a point of the window to fractions of the screen, 0 to 65535. */
  readonly locate: (clientX: number, clientY: number) => { readonly x: number; readonly y: number };
  /** Magnifies the picture about a point and moves it; lengths in CSS pixels. */
  readonly magnify: (factor: number, about: Point, by: Point) => void;
  /** Called with composed text for which the guest's layout has no keys. */
  readonly onUntypeable: (text: string) => void;
  /** Called for the menu shortcut. */
  readonly onMenu: () => void;
  /** Connection of the paste shortcut with the clipboard. */
  readonly paste: {
    /** Whether the user's clipboard may be sent to the guest. */
    readonly isAvailable: () => boolean;
    /**
     * Called for the paste shortcut; resolves once the guest has the contents, with whether the shortcut is to be
     * sent.
     */
    readonly completed: () => Promise<boolean>;
  };
}

/**
 * Input of the user over the picture: DOM events of keyboard, mouse, touch and input methods become inputs for the
 * guest, in order.
 */
export class DesktopInput {
  readonly #options: DesktopInputOptions;
  readonly #keyboard: Keyboard;
  readonly #pointer: Pointer;
  readonly #touch: TouchGestures;
  readonly #softKeyboard: SoftKeyboard;
  readonly #lockKeys: LockKeys;
  readonly #menuShortcut = new MenuShortcut();
  readonly #queue = new InputQueue();
  #textTyper = new TextTyper([]);
  readonly #abort = new AbortController();

  /** Registers the event listeners; {@link dispose} removes them. */
  constructor(options: DesktopInputOptions) {
    const { viewport, softField, locate } = options;
    this.#options = { ...options, send: (input) => this.#queue.run(() => options.send(input)) };
    const { send } = this.#options;
    const platform = platformOf(navigator.userAgent);
    this.#lockKeys = new LockKeys(platform);
    this.#keyboard = new Keyboard(platform, (code, down, timeStamp) =>
      send({ kind: 'key', at: performance.timeOrigin + timeStamp, code, down }),
    );
    this.#pointer = new Pointer({ send, locate, isLocked: () => document.pointerLockElement === viewport });
    this.#touch = this.#createTouchGestures();
    this.#softKeyboard = new SoftKeyboard({
      field: softField,
      textTyper: () => this.#textTyper,
      send: (code, down) => this.#key(code, down),
      live: hasTouch(),
      onUntypeable: options.onUntypeable,
    });
    this.#listen();
  }

  /** Stores the lock LEDs of the guest's keyboard. */
  setLeds(leds: Leds): void {
    this.#lockKeys.setLeds(leds);
  }

  /** Sets the typer for composed text, after a change of the guest's layout. */
  setTextTyper(textTyper: TextTyper): void {
    this.#textTyper = textTyper;
  }

  /** Focuses the hidden field, so that a touch device shows its on-screen keyboard. */
  showSoftKeyboard(): void {
    this.#softKeyboard.show();
  }

  /** Presses keys together in this order, and releases them in the reverse order. */
  press(codes: readonly number[]): void {
    for (const code of codes) {
      this.#key(code, true);
    }
    for (const code of codes.toReversed()) {
      this.#key(code, false);
    }
  }

  /** Releases all keys and buttons, here and in the guest. */
  releaseAll(): void {
    this.#reset();
    this.#options.send({ kind: 'releaseAll', at: now() });
  }

  /** Removes the event listeners. */
  dispose(): void {
    this.#abort.abort();
    this.#reset();
  }

  #reset(): void {
    this.#queue.clear();
    this.#keyboard.reset();
    this.#pointer.reset();
    this.#touch.reset();
    this.#menuShortcut.reset();
  }

  #key(code: number, down: boolean): void {
    this.#options.send({ kind: 'key', at: now(), code, down });
  }

  #createTouchGestures(): TouchGestures {
    const { send, locate, magnify } = this.#options;
    const wheel = new WheelAccumulator();
    return new TouchGestures({
      move: (x, y) => send({ kind: 'pointerTo', at: now(), ...locate(x, y) }),
      button: (button, down) => send({ kind: 'button', at: now(), button, down }),
      scroll: (dx, dy) => {
        const turn = wheel.scroll(dx, dy);
        if (turn !== null) {
          send({ kind: 'wheel', at: now(), ...turn });
        }
      },
      magnify,
    });
  }

  #listen(): void {
    const { viewport, softField } = this.#options;
    const { signal } = this.#abort;
    for (const target of [viewport, softField]) {
      target.addEventListener('keydown', (event) => this.#keyDown(event), { signal });
      target.addEventListener('keyup', (event) => this.#keyUp(event), { signal });
      target.addEventListener('blur', () => this.releaseAll(), { signal });
      target.addEventListener('focus', () => this.#lockKeys.invalidate(), { signal });
    }
    const release = (): void => this.releaseAll();
    window.addEventListener('blur', release, { signal });
    document.addEventListener('visibilitychange', release, { signal });
    this.#listenForPointers(viewport, signal);
  }

  #listenForPointers(viewport: HTMLElement, signal: AbortSignal): void {
    const preventDefault = (event: Event): void => event.preventDefault();
    for (const type of ['pointerdown', 'pointermove', 'pointerup', 'pointercancel'] as const) {
      viewport.addEventListener(type, (event) => this.#pointerEvent(event), { signal });
    }
    if (HAS_RAW_UPDATES) {
      viewport.addEventListener(
        'pointerrawupdate',
        (event) => {
          if (event instanceof PointerEvent && event.pointerType !== 'touch') {
            this.#pointer.event(event);
          }
        },
        { signal },
      );
    }
    viewport.addEventListener(
      'wheel',
      (event) => {
        event.preventDefault();
        this.#pointer.wheel(event);
      },
      { signal, passive: false },
    );
    // By default, back and forward buttons leave the page, and the middle button scrolls it.
    for (const type of ['mousedown', 'mouseup', 'auxclick', 'contextmenu', 'dragstart']) {
      viewport.addEventListener(type, preventDefault, { signal });
    }
  }

  #pointerEvent(event: PointerEvent): void {
    const { viewport } = this.#options;
    if (event.type === 'pointerdown') {
      event.preventDefault();
      if (document.activeElement !== this.#options.softField) {
        viewport.focus({ preventScroll: true });
      }
      viewport.setPointerCapture(event.pointerId);
    }
    if (event.pointerType !== 'touch') {
      if (HAS_RAW_UPDATES && event.type === 'pointermove') {
        // `pointerrawupdate` reported the movement; a change of further buttons is reported only here.
        this.#pointer.buttons(event);
      } else {
        this.#pointer.event(event);
      }
      return;
    }
    const finger = { id: event.pointerId, x: event.clientX, y: event.clientY };
    switch (event.type) {
      case 'pointerdown':
        this.#touch.down(finger);
        break;
      case 'pointerup':
        this.#touch.up(finger);
        break;
      case 'pointercancel':
        this.releaseAll();
        break;
      default:
        this.#touch.move(finger);
    }
  }

  #keyDown(event: KeyboardEvent): void {
    // On-screen keyboards send no `code`; keys consumed by an input method have the key 'Process'.
    const typedAsText = event.target === this.#options.softField && (event.code === '' || event.key === 'Process');
    if (typedAsText || event.isComposing) {
      return;
    }
    this.#menuShortcut.down(event);
    for (const code of this.#lockKeys.keysToToggle(event)) {
      this.press([code]);
    }
    const { paste } = this.#options;
    if (isPasteShortcut(event) && paste.isAvailable()) {
      // Not prevented: the browser dispatches a `paste` event with the contents right after this event.
      this.#queue.runAfter(paste.completed(), (sendKeys) => {
        if (sendKeys) {
          this.#keyboard.down(event);
        }
      });
      return;
    }
    event.preventDefault();
    this.#queue.run(() => this.#keyboard.down(event));
  }

  #keyUp(event: KeyboardEvent): void {
    event.preventDefault();
    this.#queue.run(() => this.#keyboard.up(event));
    if (this.#menuShortcut.up(event)) {
      this.releaseAll();
      this.#options.onMenu();
    }
  }
}

/** Returns the time in milliseconds since the epoch, with the resolution of `performance.now()`. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

