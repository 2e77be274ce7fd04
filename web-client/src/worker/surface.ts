import type { Rect } from '../protocol/bytes';
import type { CopyUpdate } from '../protocol/frame';
import { hashTiles, type TileHashes } from '../protocol/tile-hashes';
import { type Pixels, decodeTiles } from '../protocol/tiles';
import { FramebufferMirror } from './framebuffer-mirror';
import { area, cropsFor } from './video-crops';

/**
 * Painting surface: the page's canvas, and its mirror in memory. The browser presents a canvas after the current
 * task, so the updates of a frame appear together.
 */
export class Surface {
  readonly #canvas: OffscreenCanvas;
  readonly #context: OffscreenCanvasRenderingContext2D;
  /** Whether drawing on the canvas is cheap and reading back is not. */
  readonly #onGpu = gpuDraws();
  /** Pixels in memory; tiles are decoded here and then put on the canvas. */
  #image: ImageData;
  #mirror: FramebufferMirror;
  #blank = true;

  /**
   * Creates a surface on `canvas`. `onLost` is called after the canvas lost its picture, as at a reset of the GPU.
   * Throws an Error without a 2D context.
   */
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

  /** Width of the screen in pixels. */
  get width(): number {
    return this.#canvas.width;
  }

  /** Height of the screen in pixels. */
  get height(): number {
    return this.#canvas.height;
  }

  /** Whether nothing was painted since the last resize. */
  get blank(): boolean {
    return this.#blank;
  }

  /** Sets the size of the screen in pixels; the canvas becomes black. */
  resize(width: number, height: number): void {
    this.#blank = true;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#context.imageSmoothingEnabled = false;
    this.#image = new ImageData(width, height);
    this.#mirror = new FramebufferMirror(view(this.#image));
    this.#mirror.invalidate({ x: 0, y: 0, width, height });
  }

  /** Applies a CopyRect update; source and destination may overlap. */
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

  /** Puts a rectangle of the mirror on the canvas. */
  #put(rect: Rect): void {
    this.#context.putImageData(this.#image, 0, 0, rect.x, rect.y, rect.width, rect.height);
    this.#mirror.markValid(rect);
  }

  /**
   * Decodes the tiles of a lossless update and puts them on the canvas; returns the number of pixels. Throws {@link
   * ProtocolError}.
   */
  putTiles(raw: Uint8Array<ArrayBuffer>): number {
    this.#blank = false;
    const covered = decodeTiles(raw, this.#mirror.pixels);
    for (const rect of covered) {
      this.#put(rect);
    }
    return covered.reduce((sum, rect) => sum + area(rect), 0);
  }

  /**
   * Draws the listed rectangles of a decoded picture that covers `region`; returns the number of pixels. The caller
   * closes `picture`.
   */
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

  /** Reads the RGBA pixels of a rectangle. Throws a RangeError when it exceeds the screen. */
  read(rect: Rect): Uint8ClampedArray<ArrayBuffer> {
    const inside =
      rect.x >= 0 && rect.y >= 0 && rect.x + rect.width <= this.width && rect.y + rect.height <= this.height;
    if (!inside) {
      throw new RangeError('the rectangle exceeds the screen');
    }
    return this.#context.getImageData(rect.x, rect.y, rect.width, rect.height).data;
  }

  /** Takes the size of a cached picture, paints and closes it. */
  restore(picture: ImageBitmap): void {
    this.resize(picture.width, picture.height);
    this.#context.drawImage(picture, 0, 0);
    this.#blank = false;
    picture.close();
  }

  /** Computes the tile hashes of the picture. */
  hashes(): TileHashes {
    return hashTiles(view(this.#context.getImageData(0, 0, this.width, this.height)));
  }

  /** Transfers the picture out of the canvas, which is blank afterwards. */
  takeBitmap(): ImageBitmap {
    return this.#canvas.transferToImageBitmap();
  }

  /** Encodes the picture as PNG. */
  async png(): Promise<Blob> {
    return this.#canvas.convertToBlob({ type: 'image/png' });
  }
}

/** Whether canvases are drawn by a GPU, where drawing is cheap and reading back is slow. */
function gpuDraws(): boolean {
  const context = new OffscreenCanvas(1, 1).getContext('webgl', { failIfMajorPerformanceCaveat: true });
  context?.getExtension('WEBGL_lose_context')?.loseContext();
  return context !== null;
}

/** Creates a VideoFrame that shows a part of `picture` without copying its samples. */
function crop(picture: VideoFrame, x: number, y: number, width: number, height: number): VideoFrame {
  const { x: left = 0, y: top = 0 } = picture.visibleRect ?? {};
  return new VideoFrame(picture, { visibleRect: { x: left + x, y: top + y, width, height } });
}

/** Views the pixels of an ImageData as 32-bit words. */
function view(image: ImageData): Pixels {
  return { width: image.width, height: image.height, words: new Uint32Array(image.data.buffer) };
}
