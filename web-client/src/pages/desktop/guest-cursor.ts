import type { Placement } from '../../input/placement';
import type { CursorShape } from '../../protocol/server-messages';
import type { Input } from '../../worker/messages';

/** Maximum size of a CSS cursor in browsers, in CSS pixels. */
const MAX_CURSOR_SIZE = 128;
/** Fraction of the last pixel in wire positions. */
const FRACTION_MAX = 65535;

/**
 * Pointer of the guest. As a rule the browser draws it as a CSS cursor, which follows the mouse without a round trip
 * (client-side cursor, as in RFB and SPICE). Where the browser shows no cursor or another user moves the pointer, an
 * image is drawn at the position that the guest reports.
 */
export class GuestCursor {
  readonly #viewport: HTMLElement;
  readonly #image: HTMLImageElement;
  readonly #bitmap = document.createElement('canvas');
  #shape: CursorShape | null = null;
  #placement: Placement | null = null;
  #at = { x: 0, y: 0 };
  #drawn = false;

  /** Creates a cursor without a shape; `image` is the element for the drawn pointer. */
  constructor(viewport: HTMLElement, image: HTMLImageElement) {
    this.#viewport = viewport;
    this.#image = image;
  }

  /** Whether the guest hides its pointer. */
  get isHidden(): boolean {
    return this.#shape !== null && (this.#shape.width === 0 || this.#shape.height === 0);
  }

  /** Sets the pointer's image. */
  setShape(shape: CursorShape): void {
    this.#shape = shape;
    this.#paint();
  }

  /** Sets the placement of the picture, which determines scale and position. */
  setPlacement(placement: Placement): void {
    this.#placement = placement;
    this.#paint();
    this.#moveImage();
  }

  /** Sets the position in pixels of the guest's screen. */
  moveTo(x: number, y: number): void {
    this.#at = { x, y };
    this.#moveImage();
  }

  /** Follows the user's own movements, which the server does not report back. */
  trackInput(input: Input, screen: { readonly width: number; readonly height: number } | null): void {
    if (!this.#drawn || screen === null) {
      return;
    }
    if (input.kind === 'pointerTo') {
      this.moveTo((input.x / FRACTION_MAX) * (screen.width - 1), (input.y / FRACTION_MAX) * (screen.height - 1));
    } else if (input.kind === 'pointerBy') {
      const within = (value: number, size: number): number => Math.min(size - 1, Math.max(0, value));
      this.moveTo(within(this.#at.x + input.dx, screen.width), within(this.#at.y + input.dy, screen.height));
    }
  }

  /** Selects whether the pointer is drawn as an image. */
  setDrawn(drawn: boolean): void {
    this.#drawn = drawn;
    this.#paint();
    this.#moveImage();
  }

  /** Restores the browser's default cursor, while there is no connection. */
  reset(): void {
    this.#shape = null;
    this.#viewport.style.cursor = '';
    this.#image.hidden = true;
  }

  /** Renders the shape as CSS cursor and image. */
  #paint(): void {
    const shape = this.#shape;
    if (shape === null) {
      return;
    }
    const hidden = this.isHidden;
    this.#image.hidden = hidden || !this.#drawn;
    if (hidden) {
      this.#viewport.style.cursor = 'none';
      return;
    }
    const ratio = window.devicePixelRatio;
    const largest = (MAX_CURSOR_SIZE * ratio) / Math.max(shape.width, shape.height);
    const scale = Math.min(this.#placement?.deviceScale ?? ratio, largest);
    const url = this.#render(shape, scale);
    const x = Math.floor((shape.hotX * scale) / ratio);
    const y = Math.floor((shape.hotY * scale) / ratio);
    const style = this.#viewport.style;
    style.cursor = `url("${url}") ${x} ${y}, default`;
    if (ratio !== 1) {
      // Browsers without `image-set` for cursors ignore this and keep the value above.
      style.cursor = `image-set(url("${url}") ${ratio}x) ${x} ${y}, default`;
    }
    this.#image.src = url;
    this.#image.style.width = `${this.#bitmap.width / ratio}px`;
    this.#image.style.height = `${this.#bitmap.height / ratio}px`;
  }

  /** Scales the shape and returns it as a data URL. */
  #render(shape: CursorShape, scale: number): string {
    const pixels = new ImageData(new Uint8ClampedArray(shape.rgba), shape.width, shape.height);
    const source = document.createElement('canvas');
    source.width = shape.width;
    source.height = shape.height;
    source.getContext('2d')?.putImageData(pixels, 0, 0);
    this.#bitmap.width = Math.max(1, Math.round(shape.width * scale));
    this.#bitmap.height = Math.max(1, Math.round(shape.height * scale));
    const context = this.#bitmap.getContext('2d');
    if (context !== null) {
      context.imageSmoothingEnabled = !Number.isInteger(scale);
      context.imageSmoothingQuality = 'high';
      context.drawImage(source, 0, 0, this.#bitmap.width, this.#bitmap.height);
    }
    return this.#bitmap.toDataURL('image/png');
  }

  /** Positions the drawn pointer, with the hot spot at its position. */
  #moveImage(): void {
    const placement = this.#placement;
    if (placement === null || !this.#drawn) {
      return;
    }
    const cssScale = placement.deviceScale / window.devicePixelRatio;
    const x = placement.left + (this.#at.x - (this.#shape?.hotX ?? 0)) * cssScale;
    const y = placement.top + (this.#at.y - (this.#shape?.hotY ?? 0)) * cssScale;
    this.#image.style.transform = `translate(${x}px, ${y}px)`;
  }
}
