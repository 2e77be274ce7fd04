/** What of a `WheelEvent` counts here. */
export interface WheelTurn {
  readonly deltaX: number;
  readonly deltaY: number;
  readonly deltaMode: number;
  /** 120 for a notch, up and left positive; not in the standard, and in every browser. */
  readonly wheelDeltaX?: number;
  readonly wheelDeltaY?: number;
}

const NOTCH = 120;
const LINE_MODE = 1;
const PAGE_MODE = 2;

/** Units of 1/120 notch for one unit of each `deltaMode`: 100 pixels, 3 lines, or a third of a page. */
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

/** Turns wheel events into whole units of 1/120 notch, carrying fractions over to the next event. */
export class WheelAccumulator {
  #remainderX = 0;
  #remainderY = 0;

  /** Down and right positive; `null` while less than a unit has gathered. */
  turn(event: WheelTurn): { readonly dx: number; readonly dy: number } | null {
    const units = unitsFor(event.deltaMode);
    return this.scroll(
      event.wheelDeltaX === undefined ? event.deltaX * units : -event.wheelDeltaX,
      event.wheelDeltaY === undefined ? event.deltaY * units : -event.wheelDeltaY,
    );
  }

  /** The same for amounts that are in units already. */
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
