// Text that no physical key gives: a phone's keyboard, and an input method, each typed by the guest's own layout.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { launch, login, notInFirefox, openDesktop, visit } from './browser.mjs';
import { GuestAgent } from './guest-agent.mjs';
import { Oriel, until } from './oriel.mjs';

const skip = notInFirefox('it plays no phone, and nothing plays its input method');

let oriel;
let agent;
let browser;
before(async () => {
  if (skip) return;
  oriel = await Oriel.running();
  agent = await GuestAgent.before(oriel.port);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  agent?.close();
  await oriel?.destroy();
});
beforeEach(() => {
  agent.log = [];
});

/** Somebody whose desktop has a German keyboard. */
async function visitGerman(options) {
  const page = await visit(browser, options);
  await login(page, agent.url, 'ada', 'a long password');
  await page.getByRole('button', { name: 'Settings' }).click();
  const layout = page.getByLabel('Keyboard layout', { exact: false }).first();
  if ((await layout.inputValue()) !== 'de') {
    await layout.selectOption('de');
    const stored = async () => (await (await page.request.get(`${agent.url}/api/session`)).json()).settings.layout;
    await until('the layout to be stored', async () => (await stored()) === 'de');
  }
  await openDesktop(page);
  return page;
}

const pressed = () => agent.log.filter(({ down }) => down).map(({ key }) => key);

test('a phone’s keyboard types what it shows, by the layout of the desktop', { skip }, async () => {
  const page = await visitGerman({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await page.getByRole('button', { name: /^Menu/ }).tap();
  await page.getByRole('button', { name: 'Keyboard' }).tap();
  await until('the field to have the focus', () => page.evaluate(() => document.activeElement?.className === 'soft-field'));
  // z lies where a US keyboard has y; é is a dead key and a letter; ? is beside the ß.
  await page.keyboard.insertText('zé?');
  await until('the keys', () => pressed().length >= 5);
  assert.deepEqual(pressed(), [21, 13, 18, 42, 12]);
  await page.context().close();
});

test('an input method composes here, and what no key types is left to the clipboard', { skip }, async () => {
  const page = await visitGerman({ viewport: { width: 1280, height: 800 } });
  await page.getByRole('button', { name: /^Menu/ }).click();
  await page.locator('summary', { hasText: 'More' }).click();
  await page.getByRole('switch', { name: /input method/ }).click();
  await page.keyboard.press('Escape');
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Input.imeSetComposition', { text: 'ni', selectionStart: 2, selectionEnd: 2 });
  await devtools.send('Input.insertText', { text: '你好' });
  await page.getByText('cannot type “你好”').first().waitFor();
  assert.equal((await agent.paste('text/plain')).toString(), '你好');
  assert.deepEqual(pressed(), [], 'letters that only composed it reached the desktop');

  await devtools.send('Input.imeSetComposition', { text: 'gru', selectionStart: 3, selectionEnd: 3 });
  await devtools.send('Input.insertText', { text: 'grün' });
  await until('the keys', () => pressed().length >= 4);
  assert.deepEqual(pressed(), [34, 19, 26, 49]);

  // Keys that compose nothing go as keys.
  agent.log = [];
  await page.keyboard.press('ArrowLeft');
  await until('the arrow', () => pressed().length === 1);
  assert.deepEqual(pressed(), [105]);
  await page.context().close();
});
