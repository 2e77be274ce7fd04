import type { Input } from '../worker/messages';
import { WheelAccumulator } from './wheel-accumulator';

/** Minimum time between two movements in milliseconds: 125 per second, the usual report rate of USB mice. */
const MOVE_INTERVAL_MS = 8;

/** Bits of `MouseEvent.buttons` with the corresponding `MouseEvent.button`. */
const BUTTONS: readonly (readonly [bit: number, button: number])[] = [
  [1, 0],
  [4, 1],
  [2, 2],
  [8, 3],
  [16, 4],
];

/** Options of {@link Pointer}. */
export interface PointerOptions {
  /** Sends an input to the guest. */
  readonly send: (input: Input) => void;
  /** Maps a point of the window to fractions of the screen, 0 to 65535. */
  readonly locate: (clientX: number, clientY: number) => { readonly x: number; readonly y: number };
  /** Whether the pointer is locked (Pointer Lock API); movements are then relative. */
  readonly isLocked: () => boolean;
}

/** Movement that is not sent yet: a position in fractions, or with `relative` a sum in device pixels. */
interface Move {
  readonly at: number;
  x: number;
  y: number;
  readonly relative: boolean;
}

/**
 * Translation of mouse and pen events to inputs. The first movement after a pause is sent at once, later ones at a
 * fixed rate; a button or wheel event sends the pending movement first.
 */
export class Pointer {
  readonly #options: PointerOptions;
  readonly #wheel = new WheelAccumulator();
  #heldButtons = 0;
  #pendingMove: Move | null = null;
  #sentAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Creates a pointer without pressed buttons. */
  constructor(options: PointerOptions) {
    this.#options = options;
  }

  /**
   * Handles a pointer event. Position and buttons are read from each event, so a lost event is compensated by the
   * next.
   */
  event(event: PointerEvent): void {
    if (this.#options.isLocked()) {
      this.#moveBy(event);
    } else {
      const at = epochTime(event);
      this.#move({ at, ...this.#options.locate(event.clientX, event.clientY), relative: false });
    }
    this.buttons(event);
  }

  /** Handles the buttons of an event whose movement was handled already. */
  buttons(event: PointerEvent): void {
    if (event.buttons === this.#heldButtons) {
      return;
    }
    this.#flush();
    for (const [bit, button] of BUTTONS) {
      const down = (event.buttons & bit) !== 0;
      if (down !== ((this.#heldButtons & bit) !== 0)) {
        this.#options.send({ kind: 'button', at: epochTime(event), button, down });
      }
    }
    this.#heldButtons = event.buttons;
  }

  /** Handles a `wheel` event. */
  wheel(event: WheelEvent): void {
    const turn = this.#wheel.turn(event);
    if (turn !== null) {
      this.#flush();
      this.#options.send({ kind: 'wheel', at: epochTime(event), ...turn });
    }
  }

  /** Clears the pressed buttons and the pending movement; the caller sends ReleaseAll. */
  reset(): void {
    this.#heldButtons = 0;
    this.#pendingMove = null;
    clearTimeout(this.#timer);
  }

  #moveBy(event: PointerEvent): void {
    if (event.movementX === 0 && event.movementY === 0) {
      return;
    }
    const accumulated = this.#pendingMove?.relative === true ? this.#pendingMove : { x: 0, y: 0 };
    const ratio = window.devicePixelRatio;
    this.#move({
      at: epochTime(event),
      x: accumulated.x + event.movementX * ratio,
      y: accumulated.y + event.movementY * ratio,
      relative: true,
    });
  }

  #move(move: Move): void {
    this.#pendingMove = move;
    const rest = this.#sentAt + MOVE_INTERVAL_MS - performance.now();
    clearTimeout(this.#timer);
    if (rest <= 0) {
      this.#flush();
    } else {
      this.#timer = setTimeout(() => this.#flush(), rest);
    }
  }

  /** Sends the pending movement. */
  #flush(): void {
    clearTimeout(this.#timer);
    const move = this.#pendingMove;
    if (move === null) {
      return;
    }
    this.#pendingMove = null;
    this.#sentAt = performance.now();
    const { at, x, y } = move;
    if (move.relative) {
      this.#options.send({ kind: 'pointerBy', at, dx: Math.round(x), dy: Math.round(y) });
    } else {
      this.#options.send({ kind: 'pointerTo', at, x, y });
    }
  }
}

/** Returns the time of an event in milliseconds since the epoch. */
export function epochTime(event: Event): number {
  return performance.timeOrigin + event.timeStamp;
}
