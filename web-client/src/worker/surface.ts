import type { Rect } from '../protocol/bytes';
import type { CopyUpdate } from '../protocol/frame';
import { hashTiles, type TileHashes } from '../protocol/tile-hashes';
import { type Pixels, decodeTiles } from '../protocol/tiles';
import { FramebufferMirror } from './framebuffer-mirror';
import { area, cropsFor } from './video-crops';

/**
 * The canvas on the page. Nothing shows before the task that painted ends, so a frame's updates
 * appear together.
 */
export class Surface {
  readonly #canvas: OffscreenCanvas;
  readonly #context: OffscreenCanvasRenderingContext2D;
  readonly #onGpu = gpuDraws();
  /** The pixels in memory: what is put on the canvas is put here first. */
  #image: ImageData;
  #mirror: FramebufferMirror;
  #blank = true;

  /** `onLost` hears when the canvas has lost its picture, as it does when a GPU restarts. */
  constructor(canvas: OffscreenCanvas, onLost: () => void) {
    const context = canvas.getContext('2d', { alpha: false, desynchronized: true });
    if (context === null) {
      throw new Error('this browser gives no 2D canvas to a worker');
    }
    this.#canvas = canvas;
    this.#context = context;
    this.#context.imageSmoothingEnabled = false;
    canvas.addEventListener('contextrestored', onLost);
    this.#image = new ImageData(1, 1);
    this.#mirror = new FramebufferMirror(view(this.#image));
  }

  get width(): number {
    return this.#canvas.width;
  }

  get height(): number {
    return this.#canvas.height;
  }

  /** Nothing was painted since the canvas turned black. */
  get blank(): boolean {
    return this.#blank;
  }

  /** A new screen size; the canvas turns black. */
  resize(width: number, height: number): void {
    this.#blank = true;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#context.imageSmoothingEnabled = false;
    this.#image = new ImageData(width, height);
    this.#mirror = new FramebufferMirror(view(this.#image));
    this.#mirror.invalidate({ x: 0, y: 0, width, height });
  }

  /** Moves a rectangle of the picture; source and destination may overlap. */
  copyRect({ sourceX, sourceY, to }: CopyUpdate): void {
    const { width, height } = to;
    if (this.#onGpu) {
      this.#context.drawImage(this.#canvas, sourceX, sourceY, width, height, to.x, to.y, width, height);
      this.#mirror.invalidate(to);
      return;
    }
    for (const rect of this.#mirror.staleRects({ x: sourceX, y: sourceY, width, height })) {
      const read = this.#context.getImageData(rect.x, rect.y, rect.width, rect.height);
      this.#mirror.fill(rect, view(read).words);
    }
    this.#mirror.copyRect(sourceX, sourceY, to);
    this.#put(to);
  }

  #put(rect: Rect): void {
    this.#context.putImageData(this.#image, 0, 0, rect.x, rect.y, rect.width, rect.height);
    this.#mirror.markValid(rect);
  }

  /** Puts decompressed tiles; returns how many pixels they cover. */
  putTiles(raw: Uint8Array<ArrayBuffer>): number {
    this.#blank = false;
    const covered = decodeTiles(raw, this.#mirror.pixels);
    for (const rect of covered) {
      this.#put(rect);
    }
    return covered.reduce((sum, rect) => sum + area(rect), 0);
  }

  /** Draws what `rects` lists of a decoded picture that lies at `region`; returns how many pixels that is. */
  drawVideo(picture: VideoFrame, region: Rect, rects: readonly Rect[]): number {
    this.#blank = false;
    const crops = this.#onGpu ? [{ source: region, clip: rects }] : cropsFor(region, rects);
    for (const { source, clip } of crops) {
      this.#context.save();
      this.#context.beginPath();
      for (const { x, y, width, height } of clip) {
        this.#context.rect(x, y, width, height);
      }
      this.#context.clip();
      const cropped = source === region ? picture : crop(picture, source.x - region.x, source.y - region.y, source.width, source.height);
      this.#context.drawImage(cropped, source.x, source.y);
      if (cropped !== picture) {
        cropped.close();
      }
      this.#context.restore();
    }
    for (const rect of rects) {
      this.#mirror.invalidate(rect);
    }
    return rects.reduce((sum, rect) => sum + area(rect), 0);
  }

  /** The pixels of a rectangle, red, green, blue, alpha; throws a RangeError when it leaves the screen. */
  read(rect: Rect): Uint8ClampedArray<ArrayBuffer> {
    const inside =
      rect.x >= 0 && rect.y >= 0 && rect.x + rect.width <= this.width && rect.y + rect.height <= this.height;
    if (!inside) {
      throw new RangeError('the rectangle lies outside of the screen');
    }
    return this.#context.getImageData(rect.x, rect.y, rect.width, rect.height).data;
  }

  /** Shows a picture of earlier, as large as it is. */
  restore(picture: ImageBitmap): void {
    this.resize(picture.width, picture.height);
    this.#context.drawImage(picture, 0, 0);
    this.#blank = false;
    picture.close();
  }

  /** The hashes of the picture's tiles. */
  hashes(): TileHashes {
    return hashTiles(view(this.#context.getImageData(0, 0, this.width, this.height)));
  }

  /** Gives the picture away; the canvas is empty then. */
  takeBitmap(): ImageBitmap {
    return this.#canvas.transferToImageBitmap();
  }

  async png(): Promise<Blob> {
    return this.#canvas.convertToBlob({ type: 'image/png' });
  }
}

/** Whether canvases live on a GPU, where drawing is cheap and reading back is not. */
function gpuDraws(): boolean {
  const context = new OffscreenCanvas(1, 1).getContext('webgl', { failIfMajorPerformanceCaveat: true });
  context?.getExtension('WEBGL_lose_context')?.loseContext();
  return context !== null;
}

/** The same samples, seen through a smaller frame. */
function crop(picture: VideoFrame, x: number, y: number, width: number, height: number): VideoFrame {
  const { x: left = 0, y: top = 0 } = picture.visibleRect ?? {};
  return new VideoFrame(picture, { visibleRect: { x: left + x, y: top + y, width, height } });
}

function view(image: ImageData): Pixels {
  return { width: image.width, height: image.height, words: new Uint32Array(image.data.buffer) };
}
