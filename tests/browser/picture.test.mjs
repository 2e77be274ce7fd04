import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connected, launch, login, openDesktop, picture, screenshot, stats, visit } from './browser.mjs';
import { Oriel, until } from './oriel.mjs';
import { difference, drawScene } from './scene.mjs';

let oriel;
let browser;
before(async () => {
  oriel = await Oriel.create({ scenes: ['idle', 'video'] });
  await oriel.addUser('ada', 'a long password', 'idle');
  await oriel.addUser('ben', 'a long password', 'video');
  await oriel.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await oriel?.destroy();
});

test('the canvas shows what the guest drew, pixel for pixel', async () => {
  const page = await visit(browser);
  await login(page, oriel.url, 'ada', 'a long password');
  await openDesktop(page);
  const drawn = await drawScene('idle', 0, 1920, 1080);
  await until('the picture that the guest drew', async () => difference(await picture(page), drawn).pixels === 0);
  await screenshot(page, 'desktop-idle');
  await page.context().close();
});

test('a still desktop sends no pictures', async () => {
  const page = await visit(browser);
  await login(page, oriel.url, 'ada', 'a long password');
  await openDesktop(page);
  const before = await stats(page);
  await new Promise((tick) => setTimeout(tick, 3000));
  const now = await stats(page);
  assert.equal(now.framesPainted, before.framesPainted);
  await page.context().close();
});

test('everything as H.264 is close to what the guest drew, and exact again when switched off', async () => {
  const page = await visit(browser);
  await login(page, oriel.url, 'ada', 'a long password');
  await openDesktop(page);
  await page.getByRole('button', { name: /^Menu/ }).click();
  await page.getByText('More', { exact: true }).click();
  const toggle = page.getByRole('switch', { name: /^All as H.264/ });
  await toggle.click();
  await until('a picture that is not exact', async () => !(await stats(page)).lossless);
  const shown = await picture(page);
  const drawn = await drawScene('idle', 0, shown.width, shown.height);
  const { psnr, pixels } = difference(shown, drawn);
  assert.ok(pixels > 0, 'the picture was exact, so it was not video');
  // Coloured fringes of small text are lost in 4:2:0; wrong colours or a wrong place would be far below.
  assert.ok(psnr > 25, `${psnr} dB`);
  await toggle.click();
  await connected(page, { exact: true });
  assert.equal(difference(await picture(page), drawn).pixels, 0);
  await page.context().close();
});

test('a moving region comes as H.264 and two people work side by side', async () => {
  const [ada, ben] = [await visit(browser), await visit(browser)];
  await login(ada, oriel.url, 'ada', 'a long password');
  await login(ben, oriel.url, 'ben', 'a long password');
  await openDesktop(ada);
  await openDesktop(ben, { exact: false });
  const moving = await until('video', async () => {
    const now = await stats(ben);
    return now.videoShare > 0.5 && now.framesPerSecond > 1 ? now : null;
  });
  assert.equal(moving.h264, 'decoding');
  assert.equal((await stats(ada)).lossless, true);
  assert.equal((await oriel.desktops()).length, 2);
  await ada.context().close();
  await ben.context().close();
});
