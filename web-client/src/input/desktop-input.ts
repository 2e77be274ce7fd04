import type { Leds } from '../protocol/server-messages';
import type { Input } from '../worker/messages';
import { hasTouch } from '../support';
import { InputQueue } from './input-queue';
import { Keyboard, platformOf } from './keyboard';
import { LockKeys } from './lock-keys';
import { MenuChord } from './menu-chord';
import { isPasteShortcut } from './paste-keys';
import { Pointer } from './pointer';
import { SoftKeyboard } from './soft-keyboard';
import { type Point, TouchGestures } from './touch-gestures';
import { TextTyper } from './text-typer';
import { WheelAccumulator } from './wheel-accumulator';

/** Whether movements come as soon as they happen, and not at the page's frame rate (Pointer Events 3). */
const HAS_RAW_UPDATES = 'onpointerrawupdate' in window;

export interface DesktopInputOptions {
  /** The focusable element that holds the picture. */
  readonly viewport: HTMLElement;
  /** Receives the text of touch devices' keyboards. */
  readonly softField: HTMLTextAreaElement;
  readonly send: (input: Input) => void;
  readonly locate: (clientX: number, clientY: number) => { readonly x: number; readonly y: number };
  /** Two fingers magnify the picture about a point, and move it; lengths in CSS pixels. */
  readonly magnify: (factor: number, about: Point, by: Point) => void;
  /** Composed text that no keys of the guest's layout type. */
  readonly onUntypeable: (text: string) => void;
  readonly onMenu: () => void;
  readonly paste: {
    /** Whether the guest shares its clipboard. */
    readonly isAvailable: () => boolean;
    /** The keys that paste went down: resolves once the guest has what is pasted, with whether it is to get the keys. */
    readonly completed: () => Promise<boolean>;
  };
}

/** Everything that the user does over the picture, on its way to the worker. */
export class DesktopInput {
  readonly #options: DesktopInputOptions;
  readonly #keyboard: Keyboard;
  readonly #pointer: Pointer;
  readonly #touch: TouchGestures;
  readonly #softKeyboard: SoftKeyboard;
  readonly #lockKeys: LockKeys;
  readonly #chord = new MenuChord();
  readonly #queue = new InputQueue();
  #textTyper = new TextTyper([]);
  readonly #abort = new AbortController();

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

  /** The guest's keyboard lights. */
  setLeds(leds: Leds): void {
    this.#lockKeys.setLeds(leds);
  }

  /** Text is typed by this textTyper from now on. */
  setTextTyper(textTyper: TextTyper): void {
    this.#textTyper = textTyper;
  }

  showSoftKeyboard(): void {
    this.#softKeyboard.show();
  }

  /** Presses keys together, in this order, and lets go of them. */
  press(codes: readonly number[]): void {
    for (const code of codes) {
      this.#key(code, true);
    }
    for (const code of codes.toReversed()) {
      this.#key(code, false);
    }
  }

  /** Lets go of everything, here and in the guest. */
  releaseAll(): void {
    this.#reset();
    this.#options.send({ kind: 'releaseAll', at: now() });
  }

  dispose(): void {
    this.#abort.abort();
    this.#reset();
  }

  #reset(): void {
    this.#queue.clear();
    this.#keyboard.reset();
    this.#pointer.reset();
    this.#touch.reset();
    this.#chord.reset();
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
    // Back and forward buttons would leave the page, the middle one would scroll it.
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
        // The raw update told the movement; a further button pressed meanwhile comes only here.
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
    // Keyboards on screens tell no place, and what an input method takes has no key but 'Process'.
    const typedAsText = event.target === this.#options.softField && (event.code === '' || event.key === 'Process');
    if (typedAsText || event.isComposing) {
      return;
    }
    this.#chord.down(event);
    for (const code of this.#lockKeys.keysToToggle(event)) {
      this.press([code]);
    }
    const { paste } = this.#options;
    if (isPasteShortcut(event) && paste.isAvailable()) {
      // Not prevented: the browser tells what is pasted by an event of its own, which follows at once.
      this.#queue.runAfter(paste.completed(), (wanted) => {
        if (wanted) {
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
    if (this.#chord.up(event)) {
      this.releaseAll();
      this.#options.onMenu();
    }
  }
}

function now(): number {
  return performance.timeOrigin + performance.now();
}

