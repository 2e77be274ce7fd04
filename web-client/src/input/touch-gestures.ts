/**
 * Fingers as a mouse: a tap clicks, a long press is the right button, one finger drags, two scroll.
 * Two that spread or close magnify the picture instead, and move it along with them.
 */

const LONG_PRESS_MS = 500;
/** A finger that strays this far, in CSS pixels, means to drag. */
const DRAG_THRESHOLD = 10;
/** CSS pixels of a two-finger move for one notch of the wheel. */
const PIXELS_PER_NOTCH = 40;
const NOTCH = 120;
/** Two fingers whose distance changes so much, in CSS pixels, mean to magnify … */
const PINCH_THRESHOLD = 20;
/** … and that go so far together, to scroll. */
const SCROLL_THRESHOLD = 8;

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
  /** The picture by this much larger about a point, and moved; lengths in CSS pixels. */
  readonly magnify: (factor: number, about: Point, by: Point) => void;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where two fingers are: the point between them, and the distance between them. */
interface Pair extends Point {
  readonly distance: number;
}

type Gesture = 'none' | 'waiting' | 'dragging' | 'paired' | 'scrolling' | 'magnifying' | 'finished';

export class TouchGestures {
  readonly #actions: TouchActions;
  readonly #fingers = new Map<number, Finger>();
  #gesture: Gesture = 'none';
  #start: Finger | null = null;
  /** Of two fingers: where they were when what they did was told last. */
  #pair: Pair | null = null;
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
      this.#gesture = 'paired';
      this.#pair = this.#currentPair();
      this.#actions.move(finger.x, finger.y);
    }
  }

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
  reset(): void {
    this.#fingers.clear();
    this.#end();
  }

  #end(): void {
    clearTimeout(this.#timer);
    // What remains of a gesture of two fingers means nothing any more.
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
