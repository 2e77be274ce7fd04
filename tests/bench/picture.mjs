// The picture beside others': Oriel, QEMU's VNC server with noVNC, xpra with its HTML5 client, each with the same
// scenes in the same browser. Usage: picture.mjs [subject ...] [scene ...]
import { launch } from '../browser/browser.mjs';
import { echo } from './echo.mjs';
import { wait } from './figures.mjs';
import { moving } from './moving.mjs';
import { compare } from './compare.mjs';
import * as oriel from './subjects/oriel.mjs';
import { exact, lossy } from './subjects/qemu-vnc.mjs';
import * as xpra from './subjects/xpra.mjs';

const SUBJECTS = [oriel, exact, lossy, xpra];
const SCENES = ['echo', 'typing', 'scroll', 'drag', 'video', 'motion'];
/** What a page does after it has connected should be over. */
const SETTLE_MS = 3000;

/** Those that were asked for, or all. */
function wanted(all, nameOf) {
  const asked = all.filter((one) => process.argv.slice(2).includes(nameOf(one)));
  return asked.length > 0 ? asked : all;
}

async function measure(browser, subject, scene) {
  const view = await subject.open(browser, scene);
  try {
    await wait(SETTLE_MS);
    await (scene === 'echo' ? echo(view, subject.name) : moving(view, subject.name, scene));
  } finally {
    await view.close();
  }
}

const subjects = wanted(SUBJECTS, (subject) => subject.name).filter((subject) => {
  const lack = subject.lacks();
  if (lack) console.error(`${subject.name} is left out: ${lack}.`);
  return !lack;
});
const browser = await launch();
try {
  for (const scene of wanted(SCENES, (scene) => scene)) {
    for (const subject of subjects) {
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
compare(oriel.name);
