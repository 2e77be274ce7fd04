// The session's menu: by keyboard alone, out of the way when it is not wanted, and what it does for keys and pointer.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inFirefox, launch, login, notInFirefox, openDesktop, screenshot, visit } from './browser.mjs';
import { Oriel, until } from './oriel.mjs';

let oriel;
let browser;
let page;
before(async () => {
  oriel = await Oriel.running({ words: 'screens=2 tone=1' });
  browser = await launch({ microphone: true });
  page = await visit(browser, { viewport: { width: 1280, height: 800 }, colorScheme: 'light' });
  await login(page, oriel.url, 'ada', 'a long password');
  await openDesktop(page);
});
after(async () => {
  await browser?.close();
  await oriel?.destroy();
});

const menu = () => page.getByRole('dialog', { name: /^Menu of/ });
const serialSays = (line) => until(`the guest to log "${line}"`, async () => (await oriel.serial()).includes(line));
const focused = () => page.evaluate(() => [document.activeElement?.className, document.activeElement?.textContent]);

/** A sum of the picture. */
const shown = () => page.evaluate(async () => {
  const canvas = document.querySelector('canvas.screen');
  const context = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
  context.drawImage(canvas, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return [...new Uint8Array(await crypto.subtle.digest('SHA-256', data))].join();
});
/** Whether the picture stays as it is for a while. */
const rested = async () => {
  const before = await shown();
  await new Promise((tick) => setTimeout(tick, 300));
  return (await shown()) === before;
};

async function chord() {
  for (const key of ['Control', 'Alt', 'Shift']) await page.keyboard.down(key);
  for (const key of ['Shift', 'Alt', 'Control']) await page.keyboard.up(key);
}

test('the shortcut opens it, Tab stays in it, Escape gives the keys back to the desktop', async () => {
  await chord();
  await menu().waitFor();
  await until('the focus to be in it', async () => (await focused())[0] === 'menu-tile');
  const reached = new Set();
  for (let step = 0; step < 30; step += 1) {
    await page.keyboard.press('Tab');
    assert.ok(await page.evaluate(() => document.activeElement.closest('[role=dialog]') !== null), `step ${step} left the menu`);
    reached.add((await focused())[1]);
  }
  for (const name of ['Full screen', 'Keys', 'Disconnect', 'Shut down']) assert.ok(reached.has(name), `${name} is not reached`);
  const before = await oriel.serial();
  await page.keyboard.press('q');
  await page.keyboard.press('Escape');
  await menu().waitFor({ state: 'hidden' });
  assert.equal((await focused())[0], 'viewport');
  await page.keyboard.press('z');
  await serialSays('key 44 down=0');
  assert.ok(!(await oriel.serial()).slice(before.length).includes('key 16 '), 'a key meant for the menu reached the desktop');
});

test('keys that the user’s own system keeps are sent from it', async () => {
  await chord();
  await page.locator('summary', { hasText: 'Keys' }).click();
  await page.getByRole('button', { name: 'Ctrl+Alt+Del' }).click();
  for (const code of [29, 56, 111]) await serialSays(`key ${code} down=1`);
  await serialSays('key 29 down=0');
  await page.getByRole('button', { name: 'Super' }).click();
  await serialSays('key 125 down=0');
  await screenshot(page, 'menu-keys-light');
  await page.keyboard.press('Escape');
});

test('its handle can be hidden, and the shortcut still opens it', async () => {
  await page.getByRole('button', { name: /^Menu/ }).click();
  await page.locator('summary', { hasText: 'More' }).click();
  await page.getByRole('switch', { name: /^Show the handle/ }).click();
  await page.emulateMedia({ colorScheme: 'dark' });
  await screenshot(page, 'menu-more-dark');
  await page.keyboard.press('Escape');
  await menu().waitFor({ state: 'hidden' });
  assert.equal(await page.getByRole('button', { name: /^Menu/ }).count(), 0);
  await chord();
  await page.locator('summary', { hasText: 'More' }).click();
  await page.getByRole('switch', { name: /^Show the handle/ }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /^Menu/ }).waitFor();
});

/** The guest writes where its pointer is. Firefox's driver moves no locked pointer. */
async function movesThereAndBack() {
  await page.mouse.move(500, 300);
  await until('the picture to rest', rested);
  const begun = await shown();
  await page.mouse.move(640, 390);
  await until('the guest’s pointer to move', async () => (await shown()) !== begun);
  await page.mouse.move(500, 300);
  await until('it to come back by the same way', async () => (await shown()) === begun);
}

test('a locked pointer moves by differences, with a word on how to get it back', async () => {
  await chord();
  await page.getByRole('button', { name: 'Lock pointer' }).click();
  await page.getByText('Esc gives you the pointer back.').waitFor();
  await until('the lock', () => page.evaluate(() => document.pointerLockElement?.className === 'viewport'));
  if (!inFirefox) await movesThereAndBack();
  await page.evaluate(() => document.exitPointerLock());
});

test('two fingers magnify the picture, and a tap still lands where it is', { skip: notInFirefox('it plays no phone') }, async () => {
  const phone = await visit(browser, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
  await login(phone, oriel.url, 'ada', 'a long password');
  await openDesktop(phone);
  const canvas = () => phone.locator('canvas').evaluate((element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    return { left, top, width, height };
  });
  const fit = await canvas();
  const devtools = await phone.context().newCDPSession(phone);
  const touch = (type, ...points) =>
    devtools.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
  await touch('touchStart', [150, 420], [240, 420]);
  for (let step = 1; step <= 10; step += 1) await touch('touchMove', [150 - 5 * step, 420], [240 + 5 * step, 420]);
  await touch('touchEnd');
  const large = await until('a larger picture', async () => ((await canvas()).width > fit.width * 1.5 ? canvas() : null));
  await screenshot(phone, 'phone-magnified');
  await phone.touchscreen.tap(195, 422);
  const [x, y] = await phone.evaluate(async () => {
    const { width, height } = await window.orielTest.stats();
    return [width, height];
  }).then(([width, height]) => [Math.floor(((195 - large.left) / large.width) * width), Math.floor(((422 - large.top) / large.height) * height)]);
  await until('the tap where the finger was', async () => {
    const said = [...(await oriel.serial()).matchAll(/at (\d+),(\d+)/g)].at(-1);
    return said && Math.abs(Number(said[1]) - x) <= 2 && Math.abs(Number(said[2]) - y) <= 2;
  });
  await phone.getByRole('button', { name: /^Menu/ }).tap();
  await phone.getByRole('button', { name: 'Keyboard' }).waitFor();
  await screenshot(phone, 'phone-menu');
  await phone.context().close();
});

test('Disconnect leaves the desktop running', async () => {
  await chord();
  await page.getByRole('button', { name: 'Disconnect' }).click();
  await page.getByRole('heading', { name: 'My desktops' }).waitFor();
  await page.getByText('Running').first().waitFor();
});
