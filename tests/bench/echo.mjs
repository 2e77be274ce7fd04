// From a key in the page to the pixel on the canvas.
import { stats } from '../browser/browser.mjs';
import { figure, spread, wait } from './figures.mjs';
import { lookAt } from './look.mjs';
import { displayed } from './presented.mjs';

/** The middle of the square that answers keys, at 1920x1080. */
const SQUARE = [960, 540];

const STAGES = {
  toServer: 'client_to_server', inputToGuest: 'input_to_guest', guestToFlush: 'guest_to_flush',
  flushToSent: 'flush_to_sent', sentToPresented: 'sent_to_presented', total: 'painted',
};

/** A key whose answer could be taken for something else: a frame was displayed so shortly before it. */
const QUIET_MS = 60;

/**
 * Presses keys, `gap` ms apart and a little more, as a user types. `total` is from a key to the frame with its
 * answer that the browser displays: nothing else moves in the scene. `canvas_read`, of further keys, is what a script
 * on the page sees that reads the canvas all the time; that takes time itself, most of it where a worker draws.
 */
export async function echo(view, subject, { keys = 120, read = 40, gap = 270, more = {} } = {}) {
  const { page } = view;
  const fields = { subject, scene: 'echo', ...more };
  const press = async (count) => {
    for (let key = 0; key < count; key += 1) {
      await page.keyboard.press('a');
      // Not in step with anything.
      await wait(gap + ((key * 37) % 100));
    }
    await wait(1000);
  };
  await lookAt(view);
  await page.evaluate(() => window.benchLook.mark('key'));
  const { frames, marks } = await displayed(page.context().browser(), () => press(keys), 'key');
  const quiet = marks.filter((mark) => !frames.some((frame) => frame <= mark && frame > mark - QUIET_MS));
  const shown = quiet.map((mark) => frames.find((frame) => frame > mark) - mark);
  spread('echo_latency_ms', shown.filter((ms) => ms < 1000), 'ms', { ...fields, stage: 'total' });
  figure('echo_keys', keys, '1', { ...fields, unquiet: marks.length - quiet.length, unanswered: shown.filter((ms) => !(ms < 1000)).length });
  if (subject === 'oriel') await stages(page, fields);
  if (read === 0) return;

  await page.evaluate(([x, y]) => window.benchLook.listen(x, y), SQUARE);
  await press(read);
  const seen = await page.evaluate(() => window.benchLook.answers());
  spread('echo_latency_ms', seen.filter((ms) => ms !== null), 'ms', { ...fields, stage: 'canvas_read' });
}

/** What the product itself says. */
async function stages(page, fields) {
  const { samples } = await stats(page);
  for (const [field, stage] of Object.entries(STAGES)) {
    spread('echo_latency_ms', samples.map((sample) => sample[field]), 'ms', { ...fields, stage });
  }
}
