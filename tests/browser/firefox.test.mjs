// The core of it in Firefox, which Playwright cannot drive as distributions build it: the picture, keys, both clipboards, files.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import puppeteer from 'puppeteer-core';
import { GuestAgent } from './guest-agent.mjs';
import { Oriel, until } from './oriel.mjs';
import { drawScene } from './scene.mjs';

const executablePath = '/usr/bin/firefox-esr';
const skip = existsSync(executablePath) ? false : 'firefox-esr is not installed';
const KEY_V = 47;

let oriel;
let agent;
let browser;
let page;
before(async () => {
  if (skip) return;
  oriel = await Oriel.running();
  agent = await GuestAgent.before(oriel.port);
  browser = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true });
  page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 800 });
  await page.goto(agent.url);
  await page.locator('input[autocomplete=username]').fill('ada');
  await page.locator('input[type=password]').fill('a long password');
  await page.locator('button[type=submit]').click();
  const open = await page.waitForSelector('a[href^="/desktop/"]');
  const address = new URL(await open.evaluate((link) => link.href));
  address.searchParams.set('probe', '1');
  await page.goto(address.href);
  await until('an exact picture', async () => (await stats())?.exact, 60);
});
after(async () => {
  await browser?.close();
  agent?.close();
  await oriel?.destroy();
});

const stats = () => page.evaluate(async () => (window.orielTest?.state() === 'connected' ? window.orielTest.stats() : null));
const pixels = (...rect) => page.evaluate(async (at) => [...(await window.orielTest.pixels(...at))], rect);

test('the picture is the guest’s, pixel for pixel, and H.264 is decoded', { skip }, async () => {
  const { width, height, h264 } = await until('the picture', stats);
  assert.equal(h264, 'decoding');
  const { rgb } = await drawScene('echo', 0, width, height);
  const rgba = Buffer.alloc(width * height * 4, 255);
  for (let at = 0; at < width * height; at += 1) rgb.copy(rgba, at * 4, at * 3, at * 3 + 3);
  const drawn = createHash('sha256').update(rgba).digest('hex');
  await until('the same pixels', async () => (await page.evaluate((w, h) => window.orielTest.hash(0, 0, w, h), width, height)) === drawn);
});

test('a key is answered', { skip }, async () => {
  const { width, height } = await until('the picture', stats);
  const before = await pixels(width / 2, height / 2, 1, 1);
  await page.keyboard.press('a');
  await until('the square to change its colour', async () => (await pixels(width / 2, height / 2, 1, 1)).join() !== before.join());
});

test('what the guest copies is pasted here, and what is copied here in the guest', { skip }, async () => {
  agent.copy({ 'text/plain': Buffer.from('from the desktop') });
  // Firefox lets a page write the clipboard while the person does something, and read it when they paste.
  await page.keyboard.press('b');
  const pasted = await until('the text to be in the clipboard', async () => {
    await page.evaluate(() => {
      const field = document.createElement('textarea');
      document.body.append(field);
      field.focus();
    });
    await page.keyboard.down('Control');
    await page.keyboard.press('v');
    await page.keyboard.up('Control');
    return page.evaluate(() => {
      const field = document.body.querySelector(':scope > textarea');
      const { value } = field;
      field.remove();
      document.querySelector('.stage').focus();
      return value;
    });
  });
  assert.equal(pasted, 'from the desktop');

  await page.evaluate(() => {
    const field = document.createElement('textarea');
    field.value = 'from here';
    document.body.append(field);
    field.select();
  });
  await page.keyboard.down('Control');
  await page.keyboard.press('c');
  await page.keyboard.up('Control');
  await page.evaluate(() => {
    document.body.querySelector(':scope > textarea').remove();
    document.querySelector('.stage').focus();
  });
  agent.log = [];
  await page.keyboard.down('Control');
  await page.keyboard.press('v');
  await page.keyboard.up('Control');
  await until('the key', () => agent.log.some(({ key, down }) => key === KEY_V && !down));
  const [offered, key] = [agent.log.findIndex(({ offer }) => offer), agent.log.findIndex(({ key: code }) => code === KEY_V)];
  assert.ok(offered >= 0 && offered < key, JSON.stringify(agent.log));
  assert.equal((await agent.paste('text/plain')).toString(), 'from here');
});

test('the menu opens by the shortcut, and files go by it', { skip }, async () => {
  for (const key of ['Control', 'Alt', 'Shift']) await page.keyboard.down(key);
  for (const key of ['Shift', 'Alt', 'Control']) await page.keyboard.up(key);
  await page.waitForSelector('[role=dialog][aria-label^="Menu of"]');
  const focused = () => page.evaluate(() => document.activeElement.closest('[role=dialog]') !== null);
  await until('the focus to be in it', focused);
  for (let step = 0; step < 15; step += 1) {
    await page.keyboard.press('Tab');
    assert.ok(await focused());
  }
  await page.keyboard.press('Escape');
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File(['dropped'], 'dropped.txt'));
    document.querySelector('.stage').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
  });
  await until('the file', () => Buffer.concat(agent.files.get('dropped.txt')?.pieces ?? []).toString() === 'dropped');
});
