// A page that comes back costs only what has changed meanwhile, and both ends verify that they show the same.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connected, launch, login, openDesktop, picture, screenshot, stats, visit } from './browser.mjs';
import { GuestAgent } from './guest-agent.mjs';
import { Oriel, until } from './oriel.mjs';
import { Wire } from './proxy.mjs';
import { difference, drawScene } from './scene.mjs';

const STEPS = 240;
const moving = { scroll: 'ben', drag: 'cleo', video: 'dan', motion: 'eve' };

let oriel;
let browser;
let wire;
before(async () => {
  oriel = await Oriel.create({ scenes: ['idle', ...Object.keys(moving)], words: `steps=${STEPS}` });
  await oriel.addUser('ada', 'a long password', 'idle');
  for (const [scene, user] of Object.entries(moving)) await oriel.addUser(user, 'a long password', scene);
  await oriel.start();
  wire = await Wire.to(oriel.port);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  wire?.close();
  await oriel?.destroy();
});

async function verify(page) {
  await page.getByRole('button', { name: /^Menu/ }).click();
  await page.locator('summary', { hasText: 'More' }).click();
  await page.getByRole('switch', { name: /^Verify that the picture is exact/ }).click();
  await page.keyboard.press('Escape');
}

test('what has not changed is not sent again, after a break and after a while elsewhere', async (t) => {
  const sent = async () => (await oriel.describe()).counters.frame_bytes;
  const page = await visit(browser);
  await login(page, wire.url, 'ada', 'a long password');
  await openDesktop(page);
  const drawn = await drawScene('idle', 0, 1920, 1080);
  await until('the picture that the guest drew', async () => difference(await picture(page), drawn).pixels === 0);
  const whole = await sent();

  wire.cut();
  await page.getByRole('heading', { name: /network is lost|server is restarting/ }).waitFor();
  wire.mend();
  await connected(page);
  const afterBreak = (await sent()) - whole;
  assert.equal(difference(await picture(page), drawn).pixels, 0);

  await page.getByRole('button', { name: /^Menu/ }).click();
  await page.getByRole('button', { name: 'Disconnect' }).click();
  await page.getByRole('link', { name: /^Open / }).click();
  await page.locator('.desktop-view.is-live').waitFor();
  const afterReturn = (await sent()) - whole - afterBreak;
  t.diagnostic(`bytes of pictures: whole ${whole}, after a break ${afterBreak}, after a while elsewhere ${afterReturn}`);
  assert.ok(whole > 50_000, `${whole} bytes for the whole picture`);
  assert.ok(afterBreak < 1000, `${afterBreak} bytes after a break`);
  assert.ok(afterReturn < 1000, `${afterReturn} bytes after a while elsewhere`);
  await page.context().close();
});

for (const [scene, user] of Object.entries(moving)) {
  test(`${scene}: once it has stopped the picture is verified to be the guest’s`, async () => {
    const page = await visit(browser);
    await login(page, oriel.url, user, 'a long password');
    await openDesktop(page, { exact: false });
    await verify(page);
    const drawn = await drawScene(scene, STEPS, 1920, 1080);
    await until('equal hashes of the last picture', async () => {
      const { lossless, hashCheck } = await stats(page);
      assert.ok(hashCheck === null || hashCheck === 'same', JSON.stringify(hashCheck));
      return lossless && hashCheck === 'same' && difference(await picture(page), drawn).pixels === 0;
    }, 60);
    await page.context().close();
  });
}

test('a pixel that is not the guest’s is noticed, and where it is', async () => {
  const front = await GuestAgent.before(oriel.port, `
    const { putImageData } = OffscreenCanvasRenderingContext2D.prototype;
    OffscreenCanvasRenderingContext2D.prototype.putImageData = function (...painted) {
      putImageData.apply(this, painted);
      putImageData.call(this, new ImageData(Uint8ClampedArray.of(1, 2, 3, 255), 1), 700, 300);
    };`);
  const page = await visit(browser, { viewport: { width: 1280, height: 800 } });
  await login(page, front.url, 'ada', 'a long password');
  await openDesktop(page);
  await page.getByRole('button', { name: /^Menu/ }).click();
  await page.getByRole('button', { name: 'Statistics' }).click();
  await page.keyboard.press('Escape');
  await verify(page);
  await page.getByText('differs at 640, 256').waitFor();
  assert.deepEqual((await stats(page)).hashCheck, { x: 640, y: 256, tiles: 1 });
  await screenshot(page, 'statistics-differs');
  await page.context().close();
  front.close();
});
