/** Duration of a long press in milliseconds. */
const LONG_PRESS_MS = 500;
/** Distance in CSS pixels from which a movement of one finger is a drag. */
const DRAG_THRESHOLD = 10;
/** Two-finger movement in CSS pixels per notch of the wheel. */
const PIXELS_PER_NOTCH = 40;
/** Wheel units of a notch. */
const NOTCH = 120;
/** Change of the distance between two fingers, in CSS pixels, from which they magnify. */
const PINCH_THRESHOLD = 20;
/** Common movement of two fingers, in CSS pixels, from which they scroll. */
const SCROLL_THRESHOLD = 8;

const LEFT = 0;
const RIGHT = 2;

/** Contact on a touch screen; `id` is `PointerEvent.pointerId`, the position is in CSS pixels. */
export interface Finger {
  /** Identifier of the contact. */
  readonly id: number;
  /** Horizontal position in the window. */
  readonly x: number;
  /** Vertical position in the window. */
  readonly y: number;
}

/** Effects of gestures. */
export interface TouchActions {
  /** Moves the pointer to a point of the window, in CSS pixels. */
  readonly move: (x: number, y: number) => void;
  /** Presses or releases a button; `button` is the DOM's `MouseEvent.button`. */
  readonly button: (button: number, down: boolean) => void;
  /** Turns the wheel, in 1/120 of a notch; right and down are positive. */
  readonly scroll: (dx: number, dy: number) => void;
  /** Magnifies the picture by `factor` about a point, and moves it; lengths in CSS pixels. */
  readonly magnify: (factor: number, about: Point, by: Point) => void;
}

/** Point of the window in CSS pixels. */
export interface Point {
  /** Horizontal position. */
  readonly x: number;
  /** Vertical position. */
  readonly y: number;
}

/** Midpoint of two fingers, and the distance between them. */
interface Pair extends Point {
  readonly distance: number;
}

/** State of the recognizer; `finished`: remaining fingers have no effect until all are lifted. */
type Gesture = 'none' | 'waiting' | 'dragging' | 'paired' | 'scrolling' | 'magnifying' | 'finished';

/**
 * Recognizer of touch gestures. A tap clicks, a long press is the right button, one finger drags and two scroll. Two
 * that spread or close magnify the picture and move it.
 */
export class TouchGestures {
  readonly #actions: TouchActions;
  readonly #fingers = new Map<number, Finger>();
  #gesture: Gesture = 'none';
  #start: Finger | null = null;
  /** Position of two fingers at the latest effect. */
  #pair: Pair | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Creates a recognizer without fingers. */
  constructor(actions: TouchActions) {
    this.#actions = actions;
  }

  /** Handles a finger that touches the screen. */
  down(finger: Finger): void {
    this.#fingers.set(finger.id, finger);
    if (this.#fingers.size === 1) {
      this.#gesture = 'waiting';
      this.#start = finger;
      this.#timer = setTimeout(() => this.#longPress(finger), LONG_PRESS_MS);
    } else if (this.#fingers.size === 2 && this.#gesture === 'waiting') {
      clearTimeout(this.#timer);
      this.#gesture = 'paired';
      this.#pair = this.#currentPair();
      this.#actions.move(finger.x, finger.y);
    }
  }

  /** Handles a movement of a finger. */
  move(finger: Finger): void {
    if (!this.#fingers.has(finger.id)) {
      return;
    }
    this.#fingers.set(finger.id, finger);
    switch (this.#gesture) {
      case 'waiting':
        this.#detectDrag(finger);
        break;
      case 'dragging':
        this.#actions.move(finger.x, finger.y);
        break;
      case 'paired':
        this.#detectPairGesture();
        break;
      case 'scrolling':
      case 'magnifying':
        this.#applyPairGesture(this.#gesture);
        break;
      case 'none':
      case 'finished':
        break;
    }
  }

  /** Handles a finger that leaves the screen. */
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

  /** Clears all fingers without sending releases; the caller sends ReleaseAll. */
  reset(): void {
    this.#fingers.clear();
    this.#end();
  }

  #end(): void {
    clearTimeout(this.#timer);
    // After a gesture of two fingers, the remaining finger has no effect.
    this.#gesture = this.#fingers.size === 0 ? 'none' : 'finished';
    this.#start = null;
    this.#pair = null;
  }

  #currentPair(): Pair | null {
    const [one, other] = [...this.#fingers.values()];
    return one === undefined || other === undefined
      ? null
      : { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2, distance: Math.hypot(one.x - other.x, one.y - other.y) };
  }

  #detectPairGesture(): void {
    const [before, now] = [this.#pair, this.#currentPair()];
    if (before === null || now === null) {
      return;
    }
    if (Math.abs(now.distance - before.distance) > PINCH_THRESHOLD) {
      this.#gesture = 'magnifying';
      this.#applyPairGesture('magnifying');
    } else if (Math.hypot(now.x - before.x, now.y - before.y) > SCROLL_THRESHOLD) {
      this.#gesture = 'scrolling';
      this.#applyPairGesture('scrolling');
    }
  }

  #applyPairGesture(gesture: 'scrolling' | 'magnifying'): void {
    const [before, now] = [this.#pair, this.#currentPair()];
    this.#pair = now;
    if (before === null || now === null) {
      return;
    }
    const by = { x: now.x - before.x, y: now.y - before.y };
    if (gesture === 'magnifying') {
      this.#actions.magnify(now.distance / Math.max(1, before.distance), now, by);
    } else {
      const units = NOTCH / PIXELS_PER_NOTCH;
      this.#actions.scroll(-by.x * units || 0, -by.y * units || 0);
    }
  }

  #detectDrag(finger: Finger): void {
    const start = this.#start;
    if (start !== null && Math.hypot(finger.x - start.x, finger.y - start.y) > DRAG_THRESHOLD) {
      clearTimeout(this.#timer);
      this.#gesture = 'dragging';
      this.#actions.move(start.x, start.y);
      this.#actions.button(LEFT, true);
      this.#actions.move(finger.x, finger.y);
    }
  }

  #longPress(finger: Finger): void {
    this.#gesture = 'finished';
    this.#actions.move(finger.x, finger.y);
    this.#actions.button(RIGHT, true);
    this.#actions.button(RIGHT, false);
  }
}
