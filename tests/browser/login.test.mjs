import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, login, screenshot, visit } from './browser.mjs';
import { Oriel, until } from './oriel.mjs';

let oriel;
let browser;
before(async () => {
  oriel = await Oriel.create({ scenes: ['idle'] });
  await oriel.addUser('ada', 'a long password', 'idle');
  await oriel.addUser('ben', 'another long one');
  await oriel.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await oriel?.destroy();
});

test('a wrong password and an unknown name are told the same, and nobody gets in', async () => {
  const page = await visit(browser);
  const said = [];
  for (const name of ['ada', 'nobody']) {
    await page.goto(oriel.url);
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByLabel('Password', { exact: true }).fill('not the password');
    await page.getByRole('button', { name: 'Log in' }).click();
    const alert = page.getByRole('alert').filter({ hasText: /\S/ });
    await alert.waitFor();
    said.push(await alert.textContent());
  }
  assert.equal(said[0], said[1]);
  assert.match(said[0], /wrong/);
  await page.context().close();
});

test('a stranger is shown the login, whatever address they try', async () => {
  const page = await visit(browser);
  await page.goto(`${oriel.url}/desktop/00000000000000000000000000000000`);
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  assert.equal((await page.request.get(`${oriel.url}/api/desktops`)).status(), 401);
  await page.context().close();
});

test('a user logs in by keyboard alone, sees their desktop, and logs out', async () => {
  const page = await visit(browser, { colorScheme: 'light' });
  await page.goto(oriel.url);
  await page.getByLabel('Name', { exact: true }).waitFor();
  await screenshot(page, 'login-light');
  await page.getByLabel('Name', { exact: true }).focus();
  await page.keyboard.type('ada');
  await page.keyboard.press('Tab');
  await page.keyboard.type('a long password');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'My desktops' }).waitFor();
  await page.getByRole('link', { name: /^Open / }).waitFor();
  await screenshot(page, 'desktops-light');

  await page.getByRole('button', { name: /^Account of/ }).click();
  await page.getByRole('menuitem', { name: 'Log out' }).click();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  assert.equal((await page.request.get(`${oriel.url}/api/session`)).status(), 401);
  await page.context().close();
});

test('a user without a desktop is told so', async () => {
  const page = await visit(browser, { colorScheme: 'dark' });
  await login(page, oriel.url, 'ben', 'another long one');
  await page.getByRole('heading', { name: 'No desktop is yours yet' }).waitFor();
  await screenshot(page, 'desktops-empty-dark');
  await page.context().close();
});

test('settings stay', async () => {
  const page = await visit(browser);
  await login(page, oriel.url, 'ada', 'a long password');
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByLabel('Keyboard layout', { exact: false }).first().selectOption('de');
  // There is nothing to save by hand: a choice holds when it is made.
  const stored = async () => (await (await page.request.get(`${oriel.url}/api/session`)).json()).settings.layout;
  await until('the choice to be stored', async () => (await stored()) === 'de');
  await page.reload();
  await page.getByRole('button', { name: 'Settings' }).click();
  assert.equal(await page.getByLabel('Keyboard layout', { exact: false }).first().inputValue(), 'de');
  await page.context().close();
});

test('the page works over TLS with the certificate that the server made', async () => {
  const page = await visit(browser);
  await login(page, `https://127.0.0.1:${oriel.tlsPort}`, 'ada', 'a long password');
  const [cookie] = (await page.context().cookies()).filter(({ name }) => name === '__Host-oriel');
  assert.ok(cookie.secure && cookie.httpOnly && cookie.sameSite === 'Strict');
  await page.context().close();
});
