// A scene that moves: what it costs, how often its picture changes, how like the guest's it is.
import { drawScene, difference } from '../browser/scene.mjs';
import { figure, rank, wait } from './figures.mjs';
import { lookAt } from './look.mjs';
import { displayed } from './presented.mjs';
import { Truth } from './truth.mjs';

const SECONDS = 10;
const PICTURES = 5;
/** When pictures are taken after everything stopped. */
const STOPPED_MS = [500, 2000];
/** Whole lines: serial ports write byte by byte. */
const SAID = /(paused|resumed) step=(\d+) ms=(\d+)\r?\n/g;

/** Has the guest pause or go on; resolves to the step shown and the guest's time in ms. */
async function toggle(view) {
  const said = async () => [...(await view.serial()).matchAll(SAID)];
  const before = (await said()).length;
  await view.page.keyboard.press('F9');
  for (let turn = 0; turn < 2000; turn += 1) {
    const [, , step, ms] = (await said())[before] ?? [];
    if (step !== undefined) return { step: Number(step), ms: Number(ms) };
    await wait(5);
  }
  throw new Error('the guest does not answer F9');
}

/** All figures of a scene; the view shows it. */
export async function moving(view, subject, scene) {
  await lookAt(view);
  const fields = { subject, scene };
  await toggle(view);
  await wait(1500);
  await cost(view, fields);
  await likeness(view, fields);
}

async function cost(view, fields) {
  const before = { at: performance.now(), bytes: view.wire.bytes, server: view.serverSeconds() };
  let begun;
  let ended;
  let painted;
  const { frames } = await displayed(view.page.context().browser(), async () => {
    begun = await toggle(view);
    painted = await view.painted?.();
    await wait(SECONDS * 1000);
    painted = (await view.painted?.()) - painted;
    ended = await toggle(view);
  });
  const server = view.serverSeconds() - before.server;
  const seconds = (performance.now() - before.at) / 1000;
  // With what makes the picture exact again.
  await wait(1000);
  const drawnSeconds = (ended.ms - begun.ms) / 1000;
  figure('bytes', Math.round(((view.wire.bytes - before.bytes) * SECONDS) / drawnSeconds), 'B', { ...fields, seconds: SECONDS });
  figure('server_cpu_percent', (100 * server) / seconds, '%', fields);
  figure('presented_fps', frames.length / drawnSeconds, '1/s', fields);
  // More than are presented: where the browser has put two of them into one refresh of the screen.
  if (painted >= 0) figure('painted_fps', painted / SECONDS, '1/s', fields);
  figure('drawn_fps', (ended.step - begun.step) / drawnSeconds, '1/s', fields);
}

/** Peak signal-to-noise ratios; identical pictures have none, and are called exact. */
async function likeness(view, fields) {
  const begun = await toggle(view);
  for (let picture = 0; picture < PICTURES; picture += 1) {
    await wait(370);
    await view.page.evaluate(() => window.benchLook.keep());
  }
  const ended = await toggle(view);
  let waited = 0;
  for (const ms of STOPPED_MS) {
    await wait(ms - waited);
    await view.page.evaluate(() => window.benchLook.keep());
    waited = ms;
  }
  const size = await view.page.evaluate(() => window.benchLook.size);
  const take = async (index) => ({
    ...size,
    rgb: Buffer.from(await view.page.evaluate((at) => window.benchLook.take(at), index), 'base64'),
  });
  const truth = await Truth.of(fields.scene, begun.step, ended.step, size);
  const moving = [];
  for (let picture = 0; picture < PICTURES; picture += 1) moving.push(await truth.psnr(await take(picture)));
  const said = (psnr) => (psnr === Infinity ? 'exact' : psnr);
  moving.sort((a, b) => a - b);
  figure('psnr_db', said(rank(moving, 0.5)), 'dB', { ...fields, when: 'moving', least: said(Math.round(moving[0] * 1000) / 1000) });
  const still = await drawScene(fields.scene, ended.step, size.width, size.height);
  for (const [at, ms] of STOPPED_MS.entries()) {
    const { psnr } = difference(still, await take(PICTURES + at));
    figure('psnr_db', said(psnr), 'dB', { ...fields, when: 'stopped', after_ms: ms });
  }
}
