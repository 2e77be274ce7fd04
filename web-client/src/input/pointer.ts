import type { Input } from '../worker/messages';
import { WheelAccumulator } from './wheel-accumulator';

/** Movements between two sends: 125 a second is what mice have long done, and what guests expect. */
const MOVE_INTERVAL_MS = 8;

/** Bits of `MouseEvent.buttons`, and the DOM's number of the button each stands for. */
const BUTTONS: readonly (readonly [bit: number, button: number])[] = [
  [1, 0],
  [4, 1],
  [2, 2],
  [8, 3],
  [16, 4],
];

export interface PointerOptions {
  readonly send: (input: Input) => void;
  /** Where a point of the window lies on the screen, as fractions from 0 to 65535. */
  readonly locate: (clientX: number, clientY: number) => { readonly x: number; readonly y: number };
  /** Whether the pointer is locked: movements then go as differences. */
  readonly isLocked: () => boolean;
}

interface Move {
  readonly at: number;
  x: number;
  y: number;
  readonly relative: boolean;
}

/** Mouse and pen. The first movement after a rest goes at once, later ones at a steady rate. */
export class Pointer {
  readonly #options: PointerOptions;
  readonly #wheel = new WheelAccumulator();
  #heldButtons = 0;
  #pendingMove: Move | null = null;
  #sentAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: PointerOptions) {
    this.#options = options;
  }

  /** Any pointer event: position and buttons are read from each, so a lost one mends itself. */
  event(event: PointerEvent): void {
    if (this.#options.isLocked()) {
      this.#moveBy(event);
    } else {
      const at = epochTime(event);
      this.#move({ at, ...this.#options.locate(event.clientX, event.clientY), relative: false });
    }
    this.buttons(event);
  }

  /** The buttons of an event whose position is known already. */
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

  wheel(event: WheelEvent): void {
    const turn = this.#wheel.turn(event);
    if (turn !== null) {
      this.#flush();
      this.#options.send({ kind: 'wheel', at: epochTime(event), ...turn });
    }
  }

  /** Forgets what is held; the caller tells the guest. */
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

/** When an event happened, in milliseconds since the epoch. */
export function epochTime(event: Event): number {
  return performance.timeOrigin + event.timeStamp;
}
