import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, login, notInFirefox, screenshot, visit } from './browser.mjs';
import { Oriel } from './oriel.mjs';

let oriel;
let browser;
before(async () => {
  oriel = await Oriel.running({ config: '[login]\nidle_minutes = 1\n' });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await oriel?.destroy();
});

test('who does nothing is warned, stays by moving the pointer, and is asked for the password in the end', { skip: notInFirefox('it takes a minute and a half') }, async () => {
  const page = await visit(browser);
  await login(page, oriel.url, 'ada', 'a long password');
  const href = await page.getByRole('link', { name: /^Open / }).first().getAttribute('href');
  // Someone who watches sends the desktop no input: the page says that they are there.
  await page.goto(new URL(`${href}?watch=1`, page.url()).href);
  await page.locator('canvas.is-painted').waitFor();

  const warning = page.getByRole('alertdialog');
  await warning.filter({ hasText: /logged out in \d+ s/ }).waitFor({ timeout: 60_000 });
  await screenshot(page, 'session-warning');
  await page.mouse.move(300, 300);
  await page.mouse.move(320, 310);
  await warning.waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'Log in' }).waitFor({ timeout: 100_000 });
  assert.match(await page.locator('.login-lead').textContent(), /without a key, the pointer or a touch/);
  assert.equal(await page.locator('canvas.screen').count(), 0, 'the page keeps no picture');
  assert.equal((await page.request.get(`${oriel.url}/api/desktops`)).status(), 401);

  await page.getByLabel('Name', { exact: true }).fill('ada');
  await page.getByLabel('Password', { exact: true }).fill('a long password');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.locator('canvas.is-painted').waitFor();
  const [desktop] = await (await page.request.get(`${oriel.url}/api/desktops`)).json();
  assert.equal(desktop.state, 'running', 'the desktop ran on');
  await page.context().close();
});
