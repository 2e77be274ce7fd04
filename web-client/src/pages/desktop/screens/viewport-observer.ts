import { type ReadonlySignal, signal } from '@preact/signals';
import type { Viewport } from '../../../input/placement';

/**
 * Observer of an element's size in device pixels. CSS lengths are not sufficient: at a ratio of 1.5, an element of
 * 1281 CSS pixels may cover 1921 or 1922 device pixels.
 */
export class ViewportObserver {
  readonly #size = signal<Viewport | null>(null);
  readonly #observer: ResizeObserver;
  readonly #abort = new AbortController();

  /** Starts the observation. */
  constructor(viewport: HTMLElement) {
    this.#observer = new ResizeObserver((entries) => {
      for (const entry of entries) {
        this.#take(entry);
      }
    });
    try {
      this.#observer.observe(viewport, { box: 'device-pixel-content-box' });
    } catch {
      // Safari lacks `device-pixel-content-box`; the size is rounded instead.
      this.#observer.observe(viewport);
    }
    // A zoom in fullscreen changes the ratio but no size in device pixels.
    window.addEventListener('resize', () => this.#takeRatio(), { signal: this.#abort.signal });
  }

  /** Size in device pixels; `null` until the first layout. */
  get size(): ReadonlySignal<Viewport | null> {
    return this.#size;
  }

  /** Ends the observation. */
  dispose(): void {
    this.#observer.disconnect();
    this.#abort.abort();
  }

  #take({ devicePixelContentBoxSize, contentRect }: ResizeObserverEntry): void {
    const ratio = window.devicePixelRatio;
    // Older browsers lack the property, contrary to its type.
    const box = (devicePixelContentBoxSize as readonly ResizeObserverSize[] | undefined)?.[0];
    const width = devicePixels(contentRect.width * ratio, box?.inlineSize);
    const height = devicePixels(contentRect.height * ratio, box?.blockSize);
    if (width > 0 && height > 0) {
      this.#size.value = { width, height, ratio };
    }
  }

  #takeRatio(): void {
    const size = this.#size.peek();
    if (size !== null && size.ratio !== window.devicePixelRatio) {
      this.#size.value = { ...size, ratio: window.devicePixelRatio };
    }
  }
}

/** Returns the size reported by the browser, unless it disagrees with the computed one, as under an emulated ratio. */
function devicePixels(computed: number, counted: number | undefined): number {
  return counted !== undefined && Math.abs(counted - computed) < 1.5 ? counted : Math.round(computed);
}
