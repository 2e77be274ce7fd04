/** Fingers as a mouse: a tap clicks, a long press is the right button, one finger drags, two scroll. */

const LONG_PRESS_MS = 500;
/** A finger that strays this far, in CSS pixels, means to drag. */
const STRAY = 10;
/** CSS pixels of a two-finger move for one notch of the wheel. */
const PIXELS_PER_NOTCH = 40;
const NOTCH = 120;

const LEFT = 0;
const RIGHT = 2;

export interface Finger {
  readonly id: number;
  readonly x: number;
  readonly y: number;
}

export interface TouchActions {
  readonly move: (x: number, y: number) => void;
  readonly button: (button: number, down: boolean) => void;
  /** In 1/120 of a notch, right and down positive. */
  readonly scroll: (dx: number, dy: number) => void;
}

type Gesture = 'none' | 'waiting' | 'dragging' | 'scrolling' | 'spent';

export class Touch {
  readonly #actions: TouchActions;
  readonly #fingers = new Map<number, Finger>();
  #gesture: Gesture = 'none';
  #start: Finger | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(actions: TouchActions) {
    this.#actions = actions;
  }

  down(finger: Finger): void {
    this.#fingers.set(finger.id, finger);
    if (this.#fingers.size === 1) {
      this.#gesture = 'waiting';
      this.#start = finger;
      this.#timer = setTimeout(() => this.#longPress(finger), LONG_PRESS_MS);
    } else if (this.#fingers.size === 2 && this.#gesture === 'waiting') {
      clearTimeout(this.#timer);
      this.#gesture = 'scrolling';
      this.#actions.move(finger.x, finger.y);
    }
  }

  move(finger: Finger): void {
    const before = this.#fingers.get(finger.id);
    if (before === undefined) {
      return;
    }
    this.#fingers.set(finger.id, finger);
    switch (this.#gesture) {
      case 'waiting':
        this.#maybeDrag(finger);
        break;
      case 'dragging':
        this.#actions.move(finger.x, finger.y);
        break;
      case 'scrolling': {
        // Each of the two fingers moves the middle between them by half of its own way.
        const units = NOTCH / PIXELS_PER_NOTCH / 2;
        this.#actions.scroll((before.x - finger.x) * units, (before.y - finger.y) * units);
        break;
      }
      case 'none':
      case 'spent':
        break;
    }
  }

  up(finger: Finger): void {
    if (!this.#fingers.delete(finger.id)) {
      return;
    }
    if (this.#gesture === 'waiting') {
      this.#actions.move(finger.x, finger.y);
      this.#actions.button(LEFT, true);
      this.#actions.button(LEFT, false);
    } else if (this.#gesture === 'dragging') {
      this.#actions.button(LEFT, false);
    }
    this.#end();
  }

  /** Forgets the fingers; the caller tells the guest. */
  forget(): void {
    this.#fingers.clear();
    this.#end();
  }

  #end(): void {
    clearTimeout(this.#timer);
    // What remains of a gesture of two fingers means nothing any more.
    this.#gesture = this.#fingers.size === 0 ? 'none' : 'spent';
    this.#start = null;
  }

  #maybeDrag(finger: Finger): void {
    const start = this.#start;
    if (start !== null && Math.hypot(finger.x - start.x, finger.y - start.y) > STRAY) {
      clearTimeout(this.#timer);
      this.#gesture = 'dragging';
      this.#actions.move(start.x, start.y);
      this.#actions.button(LEFT, true);
      this.#actions.move(finger.x, finger.y);
    }
  }

  #longPress(finger: Finger): void {
    this.#gesture = 'spent';
    this.#actions.move(finger.x, finger.y);
    this.#actions.button(RIGHT, true);
    this.#actions.button(RIGHT, false);
  }
}
