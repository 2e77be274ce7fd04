// A scene that moves: what it costs, how often its picture changes, how like the guest's it is.
import { drawScene, difference } from '../browser/scene.mjs';
import { figure, rank, wait } from './figures.mjs';
import { lookAt } from './look.mjs';
import { Truth } from './truth.mjs';

const SECONDS = 10;
const PICTURES = 5;
const SAID = /(paused|resumed) step=(\d+) ms=(\d+)/g;

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
  const { page } = view;
  await page.evaluate(() => window.benchLook.begin());
  const before = { at: performance.now(), bytes: view.wire.bytes, server: view.serverSeconds() };
  const begun = await toggle(view);
  await wait(SECONDS * 1000);
  const ended = await toggle(view);
  const server = view.serverSeconds() - before.server;
  const seconds = (performance.now() - before.at) / 1000;
  const glances = Buffer.from(await page.evaluate(() => window.benchLook.end()), 'base64');
  // With what makes the picture exact again.
  await wait(1000);
  const drawnSeconds = (ended.ms - begun.ms) / 1000;
  const size = await page.evaluate(() => window.benchLook.size);
  const truth = await Truth.of(fields.scene, begun.step, ended.step, size);
  figure('bytes', Math.round((view.wire.bytes - before.bytes) * SECONDS / drawnSeconds), 'B', { ...fields, seconds: SECONDS });
  figure('server_cpu_percent', (100 * server) / seconds, '%', fields);
  figure('presented_fps', (truth.seen(glances).length - 1) / drawnSeconds, '1/s', fields);
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
  await wait(500);
  await view.page.evaluate(() => window.benchLook.keep());
  const size = await view.page.evaluate(() => window.benchLook.size);
  const take = async (index) => ({
    ...size,
    rgb: Buffer.from(await view.page.evaluate((at) => window.benchLook.take(at), index), 'base64'),
  });
  const truth = await Truth.of(fields.scene, begun.step, ended.step, size);
  const moving = [];
  for (let picture = 0; picture < PICTURES; picture += 1) moving.push(await truth.psnr(await take(picture)));
  const still = difference(await drawScene(fields.scene, ended.step, size.width, size.height), await take(PICTURES));
  const said = (psnr) => (psnr === Infinity ? 'exact' : psnr);
  moving.sort((a, b) => a - b);
  figure('psnr_db', said(rank(moving, 0.5)), 'dB', { ...fields, when: 'moving', least: said(Math.round(moving[0] * 1000) / 1000) });
  figure('psnr_db', said(still.psnr), 'dB', { ...fields, when: 'stopped' });
}
