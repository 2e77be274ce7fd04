// The same guest in QEMU: the page cannot tell the difference.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { launch, login, notInFirefox, openDesktop, picture, pixel, stats, visit } from './browser.mjs';
import { Oriel, until } from './oriel.mjs';
import { difference, drawScene } from './scene.mjs';

const skip = notInFirefox('what is tried is the desktop, not the browser');

let oriel;
let browser;
before(async () => {
  if (skip) return;
  oriel = await Oriel.create({ scenes: ['idle', 'echo'], machine: 'qemu' });
  await oriel.addUser('ada', 'a long password', 'idle');
  await oriel.addUser('ben', 'a long password', 'echo');
  await oriel.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await oriel?.destroy();
});

test('the canvas shows what the guest drew in QEMU, pixel for pixel', { skip }, async () => {
  const page = await visit(browser);
  await login(page, oriel.url, 'ada', 'a long password');
  await openDesktop(page);
  const drawn = await drawScene('idle', 0, 1920, 1080);
  // The firmware's screen is shown first.
  const shown = await until('the guest to draw', async () => {
    const now = await picture(page);
    return now.width === 1920 && difference(now, drawn).pixels === 0 ? now : null;
  }, 90);
  assert.equal(shown.height, 1080);
  await page.context().close();
});

test('a key is answered by a guest in QEMU', { skip }, async () => {
  const page = await visit(browser);
  await login(page, oriel.url, 'ben', 'a long password');
  await openDesktop(page);
  await until('the guest to be ready', async () => {
    for (const desktop of await oriel.desktops()) {
      if ((await readFile(`${desktop.dir}/serial.log`, 'utf8').catch(() => '')).includes('scene=echo')) return true;
    }
    return false;
  }, 90);
  await until("the guest's screen", async () => (await stats(page)).width === 1920);
  const before = await pixel(page, 960, 540);
  await page.keyboard.press('a');
  await until('the square to change its colour', async () => (await pixel(page, 960, 540)) !== before);
  await page.context().close();
});
