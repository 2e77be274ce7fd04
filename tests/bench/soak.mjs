// Whether memory stays flat: a desktop used at 8 times a user's rate, and what its processes hold, each minute.
// Usage: soak.mjs [--minutes N]   (60 unless said otherwise: a working day)
import { readFileSync } from 'node:fs';
import { connected, launch } from '../browser/browser.mjs';
import { figure, wait } from './figures.mjs';
import { family } from './process.mjs';
import { open } from './subjects/oriel.mjs';

const HASTE = 8;
const KEYS_PER_SECOND = 3 * HASTE;
/** A user stops to look, and comes back to the page, every so often. */
const PAUSE_EVERY_MS = 60_000 / HASTE;
const RELOAD_EVERY_MS = 900_000 / HASTE;
const SAMPLE_EVERY_MS = 60_000;
/** What comes first fills caches. */
const WARM_UP_SAMPLES = 2;
/** Less growth than this over the run is none: in MiB, or as a share. */
const [FLAT_MIB, FLAT_SHARE] = [2, 0.03];

/** Resident memory in MiB of a process. */
const resident = (pid) => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

/** Of a renderer, the largest: the page's. */
async function rendererMib(browser) {
  const devtools = await browser.newBrowserCDPSession();
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
  await devtools.detach();
  return Math.max(...processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => resident(id)));
}

async function heapMib(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('HeapProfiler.collectGarbage');
  const { usedSize } = await devtools.send('Runtime.getHeapUsage');
  await devtools.detach();
  return usedSize / 1048576;
}

/** Uses the desktop until `end`: types, points, stops to look, comes back. */
async function use(page, end) {
  let [paused, reloaded] = [performance.now(), performance.now()];
  for (let turn = 0; performance.now() < end; turn += 1) {
    await page.mouse.move(200 + ((turn * 37) % 1500), 200 + ((turn * 23) % 700));
    await page.keyboard.press('a');
    await wait(1000 / KEYS_PER_SECOND);
    if (performance.now() - paused > PAUSE_EVERY_MS) {
      await page.keyboard.press('F9');
      await wait(1000);
      await page.keyboard.press('F9');
      paused = performance.now();
    }
    if (performance.now() - reloaded > RELOAD_EVERY_MS) {
      await page.reload();
      await connected(page, { exact: false });
      reloaded = performance.now();
    }
  }
}

/** Least squares: MiB an hour of samples that are a minute apart. */
function slope(values) {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const sum = (of) => values.reduce((all, value, at) => all + of(at - middle, value - mean), 0);
  const [above, below] = [sum((x, y) => x * y), sum((x) => x * x)];
  return { mean, perHour: below === 0 ? 0 : (60 * above) / below };
}

const at = process.argv.indexOf('--minutes');
const minutes = at > 0 ? Number(process.argv[at + 1]) : 60;
const browser = await launch();
const samples = { server: [], machine: [], renderer: [], heap: [] };
try {
  const view = await open(browser, 'drag');
  try {
    const { pid } = await view.oriel.describe();
    for (let minute = 0; minute < minutes; minute += 1) {
      await use(view.page, performance.now() + SAMPLE_EVERY_MS);
      samples.server.push(resident(view.oriel.server.pid));
      samples.machine.push(family(pid).reduce((sum, member) => sum + resident(member), 0));
      samples.renderer.push(await rendererMib(browser));
      samples.heap.push(await heapMib(view.page));
      const now = Object.entries(samples).map(([what, of]) => `${what} ${of.at(-1).toFixed(1)}`);
      console.error(`minute ${minute + 1}, MiB: ${now.join(', ')}`);
    }
  } finally {
    await view.close();
  }
} finally {
  await browser.close();
}
for (const [of, values] of Object.entries(samples)) {
  const { mean, perHour } = slope(values.slice(WARM_UP_SAMPLES));
  const growth = (perHour * values.length) / 60;
  figure('memory_mib', mean, 'MiB', { scene: 'drag', of, minutes });
  figure('memory_slope_mib_per_hour', perHour, 'MiB/h', { scene: 'drag', of, minutes, flat: growth < Math.max(FLAT_MIB, FLAT_SHARE * mean) });
}
