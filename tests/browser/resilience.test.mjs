import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connected, launch, login, openDesktop, pixel, screenshot, visit } from './browser.mjs';
import { Oriel, until } from './oriel.mjs';
import { Wire } from './proxy.mjs';

let oriel;
let browser;
let wire;
before(async () => {
  oriel = await Oriel.running();
  wire = await Wire.to(oriel.port);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  wire?.close();
  await oriel?.destroy();
});

// The middle of the square that answers keys, and its colours (tests/guest/scenes/src/echo.rs): each key flips it once.
const middle = [960, 540];
const COLOURS = ['#1e64dc', '#fac828'];

/** Presses a key; resolves to the colour that the square has since. */
async function typeAndSee(page) {
  // A guest that has just started shows a black screen, exact as any, then paints, and then takes keys: a change alone is
  // no answer.
  await until('the guest to take keys', async () => (await oriel.serial()).includes('oriel-bench-guest ready'));
  const before = await until('the square', async () => {
    const colour = await pixel(page, ...middle);
    return COLOURS.includes(colour) && colour;
  });
  const after = COLOURS.find((colour) => colour !== before);
  await page.keyboard.press('x');
  await until('the answer to a key', async () => (await pixel(page, ...middle)) === after);
  return after;
}

/** How often the guest saw the key go down. */
const presses = async () => (await oriel.serial()).match(/^key 45 down=1\r?$/gm)?.length ?? 0;

test('a lost network is shown, and the desktop comes back with it', async () => {
  const page = await visit(browser);
  await login(page, wire.url, 'ada', 'a long password');
  await openDesktop(page);
  const colour = await typeAndSee(page);

  wire.cut();
  await page.getByRole('heading', { name: /network is lost|server is restarting/ }).waitFor();
  await screenshot(page, 'desktop-lost');
  wire.mend();
  await connected(page);
  assert.equal(await pixel(page, ...middle), colour);
  await typeAndSee(page);
  await until('the guest to tell of both keys', async () => (await presses()) >= 2);
  assert.equal(await presses(), 2, 'no key is lost or counted twice');
  await page.context().close();
});

test('coming back to a desktop shows at once what it showed last, dimmed until it is live', async () => {
  const page = await visit(browser);
  await login(page, wire.url, 'ada', 'a long password');
  await openDesktop(page);
  const colour = await typeAndSee(page);
  await page.getByRole('button', { name: /^Menu/ }).click();
  await page.getByRole('button', { name: 'Disconnect' }).click();
  const open = page.getByRole('link', { name: /^Open / });
  await open.waitFor();
  wire.cut();
  await open.click();
  await page.locator('canvas.is-painted').waitFor();
  const shown = () => page.locator('canvas').evaluate((canvas) => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
    copy.drawImage(canvas, 0, 0);
    return [...copy.getImageData(960, 540, 1, 1).data.subarray(0, 3)].map((part) => part.toString(16).padStart(2, '0')).join('');
  });
  // What a worker paints is on the page with the browser's next frame.
  await until('the last picture', async () => `#${await shown()}` === colour);
  assert.ok(Number(await page.locator('canvas').evaluate((canvas) => getComputedStyle(canvas).opacity)) < 1);
  await page.getByRole('heading', { name: /network is lost|server is restarting/ }).waitFor();
  await screenshot(page, 'desktop-resume');
  wire.mend();
  await page.locator('.desktop-view.is-live').waitFor();
  await page.context().close();
});

for (const signal of ['SIGTERM', 'SIGKILL']) {
  test(`a server that ends by ${signal} and starts again adopts the running desktop, and the page comes back`, async () => {
    const page = await visit(browser);
    await login(page, oriel.url, 'ada', 'a long password');
    await openDesktop(page);
    await typeAndSee(page);
    const pid = (await oriel.describe()).pid;

    await oriel.stop(signal);
    await page.getByRole('heading', { name: /network is lost|server is restarting/ }).waitFor();
    assert.equal((await oriel.describe()).pid, pid, 'the desktop runs on without a server');
    await oriel.start();
    await connected(page);
    assert.equal((await oriel.describe()).pid, pid);
    await typeAndSee(page);
    await page.context().close();
  });
}

test('a desktop whose machine is killed is said to have crashed, and starts again', async () => {
  const page = await visit(browser);
  await login(page, oriel.url, 'ada', 'a long password');
  await openDesktop(page);
  const { pid } = await oriel.describe();
  process.kill(pid, 'SIGKILL');
  await page.getByRole('button', { name: /Start it again|Try again/ }).waitFor();
  await page.getByRole('button', { name: /Start it again|Try again/ }).click();
  await connected(page);
  assert.notEqual((await oriel.describe()).pid, pid);
  await page.context().close();
});

test('logging out elsewhere ends the stream', async () => {
  const page = await visit(browser);
  await login(page, oriel.url, 'ada', 'a long password');
  await openDesktop(page);
  const { csrf } = await (await page.request.get(`${oriel.url}/api/session`)).json();
  const out = await page.request.post(`${oriel.url}/api/logout`, { headers: { Origin: oriel.url, 'X-Oriel-CSRF': csrf }, data: {} });
  assert.ok(out.ok());
  await page.getByRole('heading', { name: 'You are logged out' }).or(page.getByRole('button', { name: 'Log in' })).first().waitFor();
  await page.context().close();
});
