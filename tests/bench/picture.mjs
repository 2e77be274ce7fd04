// The picture beside others': Oriel, QEMU's VNC server with noVNC, xpra with its HTML5 client, each with the same
// scenes in the same browser. Usage: picture.mjs [subject ...] [scene ...]; `poor` is a scene: typing on a poor line.
import { launch } from '../browser/browser.mjs';
import { compare } from './compare.mjs';
import { echo } from './echo.mjs';
import { figure, figures, wait } from './figures.mjs';
import { moving } from './moving.mjs';
import { PoorLine } from './poor-line.mjs';
import * as oriel from './subjects/oriel.mjs';
import { exact, lossy } from './subjects/qemu-vnc.mjs';
import * as xpra from './subjects/xpra.mjs';

const SUBJECTS = [oriel, exact, lossy, xpra];
const SCENES = ['echo', 'typing', 'scroll', 'drag', 'video', 'motion', 'poor'];
/** What a page does after it has connected should be over. */
const SETTLE_MS = 3000;
/** Peers that would only repeat another's figures in a scene. */
const LEFT_OUT = { echo: [lossy], poor: [lossy, xpra] };
const [POOR_FIRST_MS, POOR_SCROLL_MS] = [10_000, 10_000];

/** Those that were asked for, or all. */
function wanted(all, nameOf) {
  const asked = all.filter((one) => process.argv.slice(2).includes(nameOf(one)));
  return asked.length > 0 ? asked : all;
}

/** Has `work` with a subject that shows a scene. */
async function withView(browser, subject, scene, options, work) {
  const view = await subject.open(browser, scene, options);
  try {
    await wait(SETTLE_MS);
    await work(view);
  } finally {
    await view.close();
  }
}

/** Keys that are answered on a poor line, and what piles up in front of it when much moves. */
async function poor(browser, subject) {
  const options = { onWire: PoorLine.to };
  const more = { line: 'poor' };
  await withView(browser, subject, 'echo', options, async (view) => {
    await view.wire.queued();
    await echo(view, subject.name, { keys: 40, read: 0, gap: 900, more });
    figure('queued_ms', (await view.wire.queued()).ms, 'ms', { subject: subject.name, scene: 'echo', ...more });
  });
  await withView(browser, subject, 'scroll', options, async (view) => {
    // The first picture takes a while, and is not meant.
    await wait(POOR_FIRST_MS);
    await view.wire.queued();
    await wait(POOR_SCROLL_MS);
    figure('queued_ms', (await view.wire.queued()).ms, 'ms', { subject: subject.name, scene: 'scroll', ...more });
  });
}

function measure(browser, subject, scene) {
  if (scene === 'poor') return poor(browser, subject);
  const work = scene === 'echo' ? (view) => echo(view, subject.name) : (view) => moving(view, subject.name, scene);
  return withView(browser, subject, scene, {}, work);
}

const subjects = wanted(SUBJECTS, (subject) => subject.name).filter((subject) => {
  const lack = subject.lacks();
  if (lack) console.error(`${subject.name} is left out: ${lack}.`);
  return !lack;
});
// Whoever stops the benchmark stops what it started.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const browser = await launch();
try {
  for (const scene of wanted(SCENES, (scene) => scene)) {
    for (const subject of subjects.filter((one) => !LEFT_OUT[scene]?.includes(one))) {
      // A peer that fails is said to, and does not take the others' figures with it.
      await measure(browser, subject, scene).catch((error) => {
        if (subject === oriel) throw error;
        console.error(`${subject.name} could not be measured in ${scene}: ${error.message}`);
      });
    }
  }
} finally {
  await browser.close();
}
for (const { name: subject } of subjects) {
  const bytes = figures().filter((one) => one.name === 'bytes' && one.subject === subject).map(({ value }) => value);
  figure('bytes', bytes.reduce((sum, value) => sum + value, 0), 'B', { subject, scene: 'all', scenes: bytes.length });
}
compare(oriel.name);
