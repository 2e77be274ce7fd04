// The whole Debian desktop, typed into on four keyboards. Takes ten minutes and more where the desktop is emulated.
// ORIEL_DESKTOP_IMAGE is a folder that deploy/images/debian-xfce/build.sh made.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, login, openDesktop, screenshot, visit } from '../browser.mjs';
import { Oriel, until } from '../oriel.mjs';
import { typeOn } from './keyboard.mjs';

const TEXTS = {
  us: 'Hello, World! {[#"1-2"]} \\ ~`',
  de: 'Zwölf Boxkämpfer jagen: @ € {[~]} | \\ ß é ô °§',
  fr: "Où ça, garçon? L'été à 25% @ € {[|]} ê ï !§",
  'us intl': 'Café naïve señor crème "quoted" \'so\'',
};
const MINUTES = 60;
/** Where the panel has its terminal, on a screen of 1280x800. */
const LAUNCHER = [119, 783];

let oriel;
let browser;
before(async () => {
  const folder = process.env.ORIEL_DESKTOP_IMAGE;
  assert.ok(folder, 'ORIEL_DESKTOP_IMAGE names no folder with the desktop image');
  const facts = await readFile(join(folder, 'image.toml'), 'utf8');
  const fact = (name) => new RegExp(`^${name} = "(.*)"$`, 'm').exec(facts)[1];
  const files = ['disk', 'kernel', 'initrd'].flatMap((part) => [`--${part}`, join(folder, fact(part))]);
  oriel = await Oriel.create({ scenes: [] });
  await oriel.cli('image', 'import', 'desktop', ...files, '--cmdline', fact('cmdline'));
  await oriel.cli('pool', 'add', 'desks', '--image', 'desktop', '--cpus', '2', '--memory', '1536');
  await oriel.addUser('ada', 'a long password', 'desks');
  await oriel.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await oriel?.destroy();
});

const pause = (ms) => new Promise((tick) => setTimeout(tick, ms));

/** A slow guest takes a few keys at a time. */
function pace() {
  let keys = 0;
  return () => pause((keys += 1) % 6 === 0 ? 1500 : 50);
}

test('what is typed on US, German, French and international keyboards arrives as typed', { timeout: MINUTES * 60_000 }, async (t) => {
  const page = await visit(browser, { viewport: { width: 1280, height: 800 } });
  await login(page, oriel.url, 'ada', 'a long password');
  await openDesktop(page, { exact: false });
  const said = async (text) => (await oriel.serial()).includes(text);
  await until('the desktop', () => said('oriel: the desktop is ready'), MINUTES * 30);
  // What is typed before the terminal listens is lost, and so may be a click on an emulated machine.
  let tries = 0;
  await until('a terminal', async () => {
    if (tries % 6 === 0) await page.mouse.click(...LAUNCHER);
    tries += 1;
    await pause(20_000);
    await typeOn(page, 'us', 'echo here > /dev/ttyS0', pace());
    await page.keyboard.press('Enter');
    await pause(5000);
    return said('here\r');
  }, MINUTES * 15);
  const layouts = Object.keys(TEXTS).map((layout) => `'${layout}'`).join(' ');
  await typeOn(page, 'us', `for l in ${layouts}; do setxkbmap $l; echo "now $l" > /dev/ttyS0; read -r t; echo "typed $t" > /dev/ttyS0; done`, pace());
  await page.keyboard.press('Enter');
  for (const [layout, text] of Object.entries(TEXTS)) {
    await t.test(layout, async () => {
      await until(`the keyboard ${layout}`, () => said(`now ${layout}\r`), 300);
      await pause(5000);
      const before = (await oriel.serial()).split('typed ').length;
      await typeOn(page, layout, text, pace());
      await pause(2000);
      await screenshot(page, `keyboard-${layout.replace(' ', '-')}`);
      await page.keyboard.press('Enter');
      await until('the line', async () => (await oriel.serial()).split('typed ').length > before, 120);
      const line = (await oriel.serial()).split('typed ').at(-1).split('\r')[0];
      assert.equal(line, text);
    });
  }
  await page.context().close();
});
