import type { Placement } from '../../input/placement';
import type { CursorShape } from '../../protocol/server-messages';
import type { Input } from '../../worker/messages';

/** Browsers ignore larger pictures for a cursor; in CSS pixels. */
const MAX_CURSOR_SIZE = 128;
/** Positions on the channel are fractions of this. */
const FRACTION_MAX = 65535;

/**
 * The guest's pointer. Over the picture the browser itself draws it, as a CSS cursor: it follows the
 * hand without a round trip. Where the browser shows none (a locked pointer, a finger, somebody
 * else's hand while watching), an image takes the place that the guest reports.
 */
export class GuestCursor {
  readonly #viewport: HTMLElement;
  readonly #image: HTMLImageElement;
  readonly #bitmap = document.createElement('canvas');
  #shape: CursorShape | null = null;
  #placement: Placement | null = null;
  #at = { x: 0, y: 0 };
  #drawn = false;

  constructor(viewport: HTMLElement, image: HTMLImageElement) {
    this.#viewport = viewport;
    this.#image = image;
  }

  /** Whether the guest shows no pointer. */
  get isHidden(): boolean {
    return this.#shape !== null && (this.#shape.width === 0 || this.#shape.height === 0);
  }

  setShape(shape: CursorShape): void {
    this.#shape = shape;
    this.#paint();
  }

  setPlacement(placement: Placement): void {
    this.#placement = placement;
    this.#paint();
    this.#moveImage();
  }

  moveTo(x: number, y: number): void {
    this.#at = { x, y };
    this.#moveImage();
  }

  /** Follows the user's own input, which the server does not repeat to them. */
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

  /** Whether the image stands for the browser's own cursor. */
  setDrawn(drawn: boolean): void {
    this.#drawn = drawn;
    this.#paint();
    this.#moveImage();
  }

  /** Back to the browser's arrow, while no guest is at the other end. */
  reset(): void {
    this.#shape = null;
    this.#viewport.style.cursor = '';
    this.#image.hidden = true;
  }

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
      // A browser that does not know this form leaves the line above in force.
      style.cursor = `image-set(url("${url}") ${ratio}x) ${x} ${y}, default`;
    }
    this.#image.src = url;
    this.#image.style.width = `${this.#bitmap.width / ratio}px`;
    this.#image.style.height = `${this.#bitmap.height / ratio}px`;
  }

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
