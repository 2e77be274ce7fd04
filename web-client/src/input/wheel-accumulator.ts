/** Part of a `WheelEvent` that {@link WheelAccumulator} uses. */
export interface WheelTurn {
  /** Horizontal movement in units of `deltaMode`, right positive. */
  readonly deltaX: number;
  /** Vertical movement in units of `deltaMode`, down positive. */
  readonly deltaY: number;
  /** Unit of the movement: 0 pixels, 1 lines, 2 pages. */
  readonly deltaMode: number;
  /** Horizontal movement in 1/120 of a notch, left positive; not standardized, but in every browser. */
  readonly wheelDeltaX?: number;
  /** Vertical movement in 1/120 of a notch, up positive; not standardized, but in every browser. */
  readonly wheelDeltaY?: number;
}

const NOTCH = 120;
const LINE_MODE = 1;
const PAGE_MODE = 2;

/**
 * Returns the wheel units (1/120 notch) per unit of a `deltaMode`: a notch is 100 pixels, 3 lines or a third of a
 * page.
 */
function unitsFor(deltaMode: number): number {
  switch (deltaMode) {
    case LINE_MODE:
      return NOTCH / 3;
    case PAGE_MODE:
      return NOTCH * 3;
    default:
      return NOTCH / 100;
  }
}

/** Conversion of wheel events to integer units of 1/120 notch; fractions are carried over to the next event. */
export class WheelAccumulator {
  #remainderX = 0;
  #remainderY = 0;

  /** Converts a wheel event; right and down are positive. Returns `null` while the sum is less than a unit. */
  turn(event: WheelTurn): { readonly dx: number; readonly dy: number } | null {
    const units = unitsFor(event.deltaMode);
    return this.scroll(
      event.wheelDeltaX === undefined ? event.deltaX * units : -event.wheelDeltaX,
      event.wheelDeltaY === undefined ? event.deltaY * units : -event.wheelDeltaY,
    );
  }

  /** Adds an amount in units of 1/120 notch, and returns the integer part as {@link turn} does. */
  scroll(unitsX: number, unitsY: number): { readonly dx: number; readonly dy: number } | null {
    this.#remainderX += unitsX;
    this.#remainderY += unitsY;
    const dx = Math.trunc(this.#remainderX);
    const dy = Math.trunc(this.#remainderY);
    this.#remainderX -= dx;
    this.#remainderY -= dy;
    return dx === 0 && dy === 0 ? null : { dx, dy };
  }
}
