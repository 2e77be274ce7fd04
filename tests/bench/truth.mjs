// What a scene's steps look like, and which of them a picture shows.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../browser/oriel.mjs';
import { difference, drawScene } from '../browser/scene.mjs';
import { glanceRows, ROW_STRIDE } from './look.mjs';

const run = promisify(execFile);
/** How far ahead of the last one a picture is looked for, in steps: no subject loses 3 s. */
const REACH = 180;

/** The steps `first` to `last` of a scene. */
export class Truth {
  static async of(scene, first, last, { width, height }) {
    const truth = new Truth();
    Object.assign(truth, { scene, first, last, width, height, size: (width / ROW_STRIDE) * glanceRows(height).length });
    const rows = glanceRows(height);
    const words = [scene, first, last - first + 1, width, height, ROW_STRIDE, ...rows].map(String);
    const options = { encoding: 'buffer', maxBuffer: 1 << 30 };
    truth.glances = (await run(join(root, 'target/release/scene-glances'), words, options)).stdout;
    return truth;
  }

  /** Of the steps from `from` to `to` the one most like a glance. */
  nearest(glance, from = this.first, to = this.last) {
    let [best, least] = [from, Infinity];
    for (let step = from; step <= Math.min(to, this.last); step += 1) {
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

  /** The steps that were seen, in turn, each once. */
  seen(bytes) {
    const steps = [];
    let from = this.first;
    for (let at = 0; at + this.size <= bytes.length; at += this.size) {
      const step = this.nearest(bytes.subarray(at, at + this.size), from, from + REACH);
      if (step !== steps.at(-1)) steps.push(step);
      from = step;
    }
    return steps;
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
    return Uint8Array.from({ length: width / ROW_STRIDE }, (_, column) => rgb[3 * (start + column * ROW_STRIDE) + 1]);
  });
  return Buffer.concat(rows);
}
