import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, login, notInFirefox, openDesktop, pixel, pressCode, screenshot, stats, visit } from './browser.mjs';
import { Oriel, until } from './oriel.mjs';

let oriel;
let browser;
let page;
before(async () => {
  oriel = await Oriel.running();
  browser = await launch();
  page = await visit(browser);
  await login(page, oriel.url, 'ada', 'a long password');
  await openDesktop(page);
});
after(async () => {
  await browser?.close();
  await oriel?.destroy();
});

const middle = [960, 540];
const serialSays = (line) => until(`the guest to log "${line}"`, async () => (await oriel.serial()).includes(line));

test('a key reaches the guest and its answer is painted', async () => {
  const before = await pixel(page, ...middle);
  await page.keyboard.press('a');
  await until('the square to change its colour', async () => (await pixel(page, ...middle)) !== before);
  await serialSays('key 30 down=1');
  await serialSays('key 30 down=0');
  await screenshot(page, 'desktop-echo');
});

test('keys arrive by their place on the keyboard, AltGr and the key beside the left shift too', { skip: notInFirefox('WebDriver has no such keys') }, async () => {
  // Place, what a German layout makes of it, evdev code.
  const keys = [
    ['IntlBackslash', '<', 86],
    ['AltRight', 'AltGraph', 100],
    ['KeyY', 'z', 21],
    ['Equal', 'Dead', 13],
    ['NumpadEnter', 'Enter', 96],
    ['ArrowUp', 'ArrowUp', 103],
    ['F5', 'F5', 63],
  ];
  for (const [code, key, number] of keys) {
    await pressCode(page, code, key);
    await serialSays(`key ${number} down=1`);
    await serialSays(`key ${number} down=0`);
  }
});

test('a mouse button reaches the guest where the pointer is', async () => {
  const before = await pixel(page, ...middle);
  await page.mouse.move(640, 400);
  await page.mouse.down();
  await page.mouse.up();
  await until('the square to change its colour', async () => (await pixel(page, ...middle)) !== before);
  await serialSays('key 272 down=1');
  await serialSays('key 272 down=0');
});

test('the browser’s own cursor is the guest’s, with its tip where the hand points, and shrinks with the picture', async () => {
  const cursor = () =>
    page.evaluate(async () => {
      const { cursor: style } = getComputedStyle(document.querySelector('.viewport'));
      const [, url, x, y] = /url\("(data:image\/png[^"]+)"\).*? (\d+) (\d+), default$/.exec(style) ?? [];
      if (url === undefined) return null;
      const image = new Image();
      image.src = url;
      await image.decode();
      const context = new OffscreenCanvas(image.width, image.height).getContext('2d');
      context.drawImage(image, 0, 0);
      const at = (px, py) => [...context.getImageData(px, py, 1, 1).data].join();
      return { side: image.width, tip: [Number(x), Number(y)], outline: at(0, 0), filling: at(5, 11), around: at(40, 40) };
    });
  // An arrow of black around white, its tip in the corner.
  const arrow = { tip: [0, 0], outline: '0,0,0,255', filling: '255,255,255,255', around: '0,0,0,0' };
  await until('the arrow', async () => (await cursor())?.side === 64);
  assert.deepEqual(await cursor(), { side: 64, ...arrow });
  const keepSize = async () => {
    await page.getByRole('button', { name: /^Menu/ }).click();
    await page.getByRole('button', { name: 'Fit window' }).click();
    await page.keyboard.press('Escape');
  };
  await keepSize();
  await page.setViewportSize({ width: 960, height: 540 });
  await until('a smaller arrow', async () => (await cursor())?.side === 32);
  assert.deepEqual((await cursor()).tip, [0, 0]);
  await page.setViewportSize({ width: 1920, height: 1080 });
  await keepSize();
  await until('the arrow', async () => (await cursor())?.side === 64);
});

test('keys held when the page loses its focus are released', async () => {
  await page.keyboard.down('b');
  await serialSays('key 48 down=1');
  await page.evaluate(() => window.dispatchEvent(new Event('blur')));
  await serialSays('key 48 down=0');
  await page.keyboard.up('b');
});

test('the way of every input is measured by stage', async () => {
  await page.keyboard.press('c');
  const sample = await until('a measured input', async () => (await stats(page)).samples.at(-1));
  const stages = sample.toServer + sample.inputToGuest + sample.guestToFlush + sample.flushToSent + sample.sentToPresented;
  assert.ok(sample.total > 0);
  assert.ok(Math.abs(stages - sample.total) <= 0.5 + sample.total * 0.5, JSON.stringify(sample));
  const figures = await oriel.metrics();
  for (const stage of ['input_to_guest', 'guest_to_flush', 'flush_to_sent', 'sent_to_presented']) {
    const [, answered] = new RegExp(`^oriel_input_latency_seconds_count\\{stage="${stage}"\\} (\\d+)$`, 'm').exec(figures) ?? [];
    assert.ok(Number(answered) >= 1, `${stage}: ${answered} in\n${figures}`);
  }
});
