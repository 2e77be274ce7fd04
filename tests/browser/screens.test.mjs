// Screens that follow their windows, on monitors of any density, and a second screen in a second window.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { connected, launch, login, openDesktop, picture, screenshot, stats, visit } from './browser.mjs';
import { Oriel, until } from './oriel.mjs';
import { difference, drawScene } from './scene.mjs';

let oriel;
let browser;
before(async () => {
  oriel = await Oriel.create({ scenes: ['idle', 'echo'], words: 'screens=2' });
  await oriel.addUser('ada', 'a long password', 'idle');
  await oriel.addUser('ben', 'a long password', 'echo');
  await oriel.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await oriel?.destroy();
});

/** Waits until the page shows the idle scene of this size, pixel for pixel. */
async function showsIdle(page, width, height) {
  const drawn = await drawScene('idle', 0, width, height);
  await until(`an exact picture of ${width}x${height}`, async () => {
    const now = await stats(page);
    return now?.width === width && now.height === height && now.lossless && difference(await picture(page), drawn).pixels === 0;
  });
}

async function openMenu(page) {
  await page.getByRole('button', { name: /^Menu/ }).click();
  return page.getByRole('dialog', { name: /^Menu of/ });
}

/** SHA-256 of the red, green and blue of what a user sees at these device pixels; decoded by the browser. */
async function seen(page, ...at) {
  const png = (await page.screenshot()).toString('base64');
  return page.evaluate(async ([base64, ...rect]) => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    context.drawImage(bitmap, 0, 0);
    const rgb = context.getImageData(...rect).data.filter((_, place) => place % 4 !== 3);
    const digest = await crypto.subtle.digest('SHA-256', rgb);
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
  }, [png, ...at]);
}

/** The same of a picture that was drawn here. */
function drawnThere(whole, x, y, width, height) {
  const hash = createHash('sha256');
  for (let row = y; row < y + height; row += 1) {
    hash.update(whole.rgb.subarray((row * whole.width + x) * 3, (row * whole.width + x + width) * 3));
  }
  return hash.digest('hex');
}

test('the guest follows the window, and the picture stays exact', async () => {
  const page = await visit(browser);
  await login(page, oriel.url, 'ada', 'a long password');
  await openDesktop(page);
  await showsIdle(page, 1920, 1080);
  // As somebody drags the window's corner.
  for (let step = 0; step <= 20; step += 1) await page.setViewportSize({ width: 1500 - 11 * step, height: 900 - 9 * step });
  await showsIdle(page, 1280, 720);
  await page.setViewportSize({ width: 1921, height: 1003 });
  await showsIdle(page, 1921, 1003);
  await screenshot(page, 'screen-fits');
  assert.ok((await oriel.serial()).match(/screen 0 /g).length < 15, 'a drag is few changes of mode');
  await page.context().close();
});

for (const ratio of [1.25, 1.5, 2]) {
  test(`at ${ratio} device pixels for each CSS pixel, every guest pixel is one of them`, async () => {
    // A real ratio: an emulated one (deviceScaleFactor) does not reach every part of the browser.
    const dense = await launch({ ratio });
    try {
      const page = await visit(dense, { viewport: null });
      await login(page, oriel.url, 'ada', 'a long password');
      await openDesktop(page);
      const room = await page.evaluate(() => [innerWidth * devicePixelRatio, innerHeight * devicePixelRatio]);
      assert.equal(await page.evaluate(() => devicePixelRatio), ratio);
      const [width, height] = await until('the size of the window in device pixels', async () => {
        const { width: across, height: down } = await stats(page);
        return Math.abs(across - room[0]) <= ratio && Math.abs(down - room[1]) <= ratio ? [across, down] : null;
      });
      await showsIdle(page, width, height);
      const drawn = await drawScene('idle', 0, width, height);
      // Below the toolbar's handle, above the notices; a screenshot ends with the last whole CSS pixel.
      const at = [0, Math.floor(height / 4), width - Math.ceil(ratio), Math.floor(height / 2)];
      await until('a screenshot with the same pixels', async () => (await seen(page, ...at)) === drawnThere(drawn, ...at));
    } finally {
      await dense.close();
    }
  });
}

test('a user may keep the size instead', async () => {
  const page = await visit(browser);
  await login(page, oriel.url, 'ada', 'a long password');
  await openDesktop(page);
  await showsIdle(page, 1920, 1080);
  const fit = (await openMenu(page)).getByRole('button', { name: 'Fit window' });
  assert.equal(await fit.getAttribute('aria-pressed'), 'true');
  await fit.click();
  await page.setViewportSize({ width: 1100, height: 700 });
  await page.reload();
  await connected(page);
  assert.equal((await stats(page)).width, 1920);
  await openMenu(page);
  await fit.click();
  await showsIdle(page, 1100, 700);
  await page.context().close();
});

test('things can be larger: the guest has fewer pixels, each of them a square of device pixels', async () => {
  const page = await visit(browser);
  await login(page, oriel.url, 'ada', 'a long password');
  await openDesktop(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await showsIdle(page, 1280, 800);
  const menu = await openMenu(page);
  await menu.locator('summary', { hasText: 'Screens' }).click();
  await menu.getByText('200 %').click();
  await screenshot(page, 'menu-screens');
  await showsIdle(page, 640, 400);
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('canvas').evaluate((canvas) => `${canvas.clientWidth} ${canvas.classList.contains('is-crisp')}`), '1280 true');
  // Remembered on this device.
  await page.reload();
  await connected(page);
  await showsIdle(page, 640, 400);
  await page.context().close();
});

test('who only watches changes nothing', async () => {
  const page = await visit(browser);
  await login(page, oriel.url, 'ada', 'a long password');
  await openDesktop(page);
  await showsIdle(page, 1920, 1080);
  const watcher = await page.context().newPage();
  await watcher.setViewportSize({ width: 800, height: 600 });
  await watcher.goto(`${page.url()}&watch=1`);
  await connected(watcher);
  assert.equal((await stats(watcher)).width, 1920);
  const menu = await openMenu(watcher);
  await menu.getByRole('button', { name: 'Full screen' }).waitFor();
  assert.equal(await menu.locator('summary', { hasText: 'Screens' }).count(), 0);
  await page.context().close();
});

test('a second window shows a second screen, and the pointer lands on the right pixel of each', async () => {
  const page = await visit(browser, { viewport: { width: 1000, height: 700 } });
  await login(page, oriel.url, 'ben', 'a long password');
  await openDesktop(page);
  await (await openMenu(page)).locator('summary', { hasText: 'Screens' }).click();
  const opening = page.waitForEvent('popup');
  // By keyboard alone: past the choice of a size.
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  const second = await opening;
  await second.setViewportSize({ width: 801, height: 603 });
  await connected(second);
  await until('the second screen to fit its window', async () => (await stats(second)).width === 801 && (await stats(second)).height === 603);
  assert.match(await second.title(), /screen 2/);

  const serial = async () => {
    const logs = await Promise.all((await oriel.desktops()).map(({ dir }) => readFile(`${dir}/serial.log`, 'utf8')));
    return logs.join('\n');
  };
  for (const [window, screen, places] of [
    [page, 0, [[3, 690], [999, 5], [500, 350]]],
    [second, 1, [[0, 602], [800, 1], [400, 300], [123, 345]]],
  ]) {
    for (const [x, y] of places) {
      await window.mouse.move(x, y);
      await window.mouse.down();
      await window.mouse.up();
      const said = `at ${x},${y} of screen ${screen}`;
      await until(`the guest to log "${said}"`, async () => (await serial()).includes(said));
    }
  }
  await screenshot(second, 'screen-second');

  await second.close();
  await until('the second screen to go off', async () => (await serial()).includes('screen 1 off'));
  await connected(page);
  await page.context().close();
});
