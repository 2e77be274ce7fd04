import { type ReadonlySignal, signal } from '@preact/signals';
import type { Viewport } from '../../../input/placement';

/**
 * How many device pixels an element covers, live. CSS lengths cannot tell: at a ratio of 1.5 an
 * element of 1281 CSS pixels may cover 1921 or 1922 of them.
 */
export class ViewportObserver {
  readonly #size = signal<Viewport | null>(null);
  readonly #observer: ResizeObserver;
  readonly #abort = new AbortController();

  constructor(viewport: HTMLElement) {
    this.#observer = new ResizeObserver((entries) => {
      for (const entry of entries) {
        this.#take(entry);
      }
    });
    try {
      this.#observer.observe(viewport, { box: 'device-pixel-content-box' });
    } catch {
      // Safari has no such box: the nearest whole numbers are as good as it gets.
      this.#observer.observe(viewport);
    }
    // Zooming a window in fullscreen changes the ratio and no device pixel.
    window.addEventListener('resize', () => this.#takeRatio(), { signal: this.#abort.signal });
  }

  /** `null` until the element is laid out. */
  get size(): ReadonlySignal<Viewport | null> {
    return this.#size;
  }

  dispose(): void {
    this.#observer.disconnect();
    this.#abort.abort();
  }

  #take({ devicePixelContentBoxSize, contentRect }: ResizeObserverEntry): void {
    const ratio = window.devicePixelRatio;
    // Older browsers lack it, whatever the types say.
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

/** What the browser counted, unless it left out the ratio, as it does where another one is emulated. */
function devicePixels(computed: number, counted: number | undefined): number {
  return counted !== undefined && Math.abs(counted - computed) < 1.5 ? counted : Math.round(computed);
}
