// From a key in the page to the pixel on the canvas.
import { stats } from '../browser/browser.mjs';
import { figure, spread, wait } from './figures.mjs';
import { lookAt } from './look.mjs';

/** The middle of the square that answers keys, at 1920x1080. */
const SQUARE = [960, 540];

const STAGES = {
  toServer: 'client_to_server', inputToGuest: 'input_to_guest', guestToFlush: 'guest_to_flush',
  flushToSent: 'flush_to_sent', sentToPresented: 'sent_to_presented', total: 'product_total',
};

/** Presses `keys` keys, `gap` ms apart and a little more, not in step with anything. */
export async function echo(view, subject, { keys, gap, more = {} }) {
  const { page } = view;
  await lookAt(view);
  await page.evaluate(([x, y]) => window.benchLook.listen(x, y), SQUARE);
  const samples = new Map();
  for (let key = 0; key < keys; key += 1) {
    await page.keyboard.press('a');
    await wait(gap + ((key * 37) % 100));
    if (subject === 'oriel' && key % 100 === 99) await gather(page, samples);
  }
  await wait(1000);
  const answers = await page.evaluate(() => window.benchLook.answers());
  const fields = { subject, scene: 'echo', ...more };
  spread('echo_latency_ms', answers.filter((ms) => ms !== null), 'ms', { ...fields, stage: 'total' });
  figure('echo_unanswered', answers.filter((ms) => ms === null).length, '1', { ...fields, keys });
  if (subject !== 'oriel') return;
  await gather(page, samples);
  for (const [field, stage] of Object.entries(STAGES)) {
    spread('echo_latency_ms', [...samples.values()].map((sample) => sample[field]), 'ms', { ...fields, stage });
  }
}

async function gather(page, samples) {
  for (const sample of (await stats(page)).samples) samples.set(sample.seq, sample);
}
