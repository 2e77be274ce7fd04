// What a scene's steps look like, and which of them a picture shows.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../browser/oriel.mjs';
import { difference, drawScene } from '../browser/scene.mjs';

const run = promisify(execFile);
/** The pixels of a grid like this tell the steps of a scene apart, even where one character is all that is new. */
const ROW_STRIDE = 6;
const STRIDE = 2;

const glanceRows = (height) => Array.from({ length: Math.floor(height / ROW_STRIDE) }, (_, row) => row * ROW_STRIDE);

/** The steps `first` to `last` of a scene. */
export class Truth {
  static async of(scene, first, last, { width, height }) {
    const truth = new Truth();
    Object.assign(truth, { scene, first, last, width, height, size: (width / STRIDE) * glanceRows(height).length });
    const rows = glanceRows(height);
    const words = [scene, first, last - first + 1, width, height, STRIDE, ...rows].map(String);
    const options = { encoding: 'buffer', maxBuffer: 1 << 30 };
    truth.glances = (await run(join(root, 'target/release/scene-glances'), words, options)).stdout;
    return truth;
  }

  /** Of the steps from `from` to `to` the one most like a glance. */
  nearest(glance) {
    let [best, least] = [this.first, Infinity];
    for (let step = this.first; step <= this.last; step += 1) {
      const at = (step - this.first) * this.size;
      let apart = 0;
      for (let index = 0; index < this.size && apart < least; index += 1) {
        apart += Math.abs(glance[index] - this.glances[at + index]);
      }
      if (apart < least) [best, least] = [step, apart];
      if (apart === 0) break;
    }
    return best;
  }

  /** Peak signal-to-noise ratio in dB against the step that a picture shows, or one beside it: the best. */
  async psnr(picture) {
    const at = this.nearest(glanceOf(picture));
    const near = [at - 1, at, at + 1].filter((step) => step >= this.first && step <= this.last);
    const drawn = await Promise.all(near.map((step) => drawScene(this.scene, step, this.width, this.height)));
    return Math.max(...drawn.map((one) => difference(one, picture).psnr));
  }
}

function glanceOf({ width, height, rgb }) {
  const rows = glanceRows(height).map((row) => {
    const start = row * width;
    return Uint8Array.from({ length: width / STRIDE }, (_, column) => rgb[3 * (start + column * STRIDE) + 1]);
  });
  return Buffer.concat(rows);
}
