// What the bench guest draws, drawn on the host by the same code.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './oriel.mjs';

const run = promisify(execFile);

/** A step of a scene as red, green, blue bytes. */
export async function drawScene(scene, step, width, height) {
  const dir = await mkdtemp(join(tmpdir(), 'oriel-scene-'));
  try {
    const file = join(dir, 'scene.ppm');
    await run(join(root, 'target/release/render-scene'), [scene, `${step}`, `${width}`, `${height}`, file]);
    return ppm(await readFile(file));
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** Reads a binary PPM without comments. */
export function ppm(bytes) {
  const header = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.subarray(0, 64).toString('latin1'));
  if (!header) throw new Error('not a PPM');
  return { width: Number(header[1]), height: Number(header[2]), rgb: bytes.subarray(header[0].length) };
}

/** How many pixels differ between two pictures of one size, and by how much at most. */
export function difference(one, other) {
  if (one.width !== other.width || one.height !== other.height) {
    throw new Error(`${one.width}x${one.height} is compared with ${other.width}x${other.height}`);
  }
  let pixels = 0;
  let most = 0;
  let squares = 0;
  for (let at = 0; at < one.rgb.length; at += 3) {
    let differs = false;
    for (let part = 0; part < 3; part += 1) {
      const by = Math.abs(one.rgb[at + part] - other.rgb[at + part]);
      if (by > 0) differs = true;
      if (by > most) most = by;
      squares += by * by;
    }
    if (differs) pixels += 1;
  }
  const mean = squares / one.rgb.length;
  return { pixels, most, psnr: mean === 0 ? Infinity : 10 * Math.log10((255 * 255) / mean) };
}
