// Debian's Chromium, or its Firefox where BROWSER=firefox, and what every test does with a page.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { launchFirefox } from './firefox.mjs';
import { root, until } from './oriel.mjs';

export const inFirefox = process.env.BROWSER === 'firefox';

/** For `skip`: why a test is not for Firefox; in Chromium it runs. */
export const notInFirefox = (why) => (inFirefox ? why : false);

const args = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

const microphoneArgs = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

/** With `microphone`, one that beeps, which every page may hear; `ratio` is how many device pixels a CSS pixel has. */
export function launch({ microphone = false, ratio = 1 } = {}) {
  if (inFirefox) return launchFirefox({ microphone, ratio });
  const density = [`--force-device-scale-factor=${ratio}`, '--window-size=901,703'];
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: [...args, ...density, ...(microphone ? microphoneArgs : [])] });
}

/** A fresh user: own cookies, a 1920x1080 window. */
export async function visit(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1920, height: 1080 }, ignoreHTTPSErrors: true, ...options });
  return context.newPage();
}

export async function login(page, url, name, password) {
  await page.goto(url);
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'My desktops' }).waitFor();
}

/** Saves a screenshot that a user can look at afterwards. */
export async function screenshot(page, name) {
  const folder = join(root, '.cache/screenshots');
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}${inFirefox ? '-firefox' : ''}.png`) });
}

/** Presses and releases a key by its place, also one that no US keyboard has. */
export async function pressCode(page, code, key) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Input.dispatchKeyEvent', { type: 'keyDown', code, key });
  await devtools.send('Input.dispatchKeyEvent', { type: 'keyUp', code, key });
  await devtools.detach();
}

/** Types as a user does on a US keyboard: with Shift held where it has to be (`keyboard.type` never presses it). */
export async function typeText(page, text, { delay = 0 } = {}) {
  for (const character of text) {
    const shifted = /[A-Z~!@#$%^&*()_+{}|:"<>?]/.test(character);
    if (shifted) await page.keyboard.down('Shift');
    await page.keyboard.press(character, { delay });
    if (shifted) await page.keyboard.up('Shift');
  }
}

/** Opens the user's only desktop with the probe, and waits until it is connected and exact. */
export async function openDesktop(page, { exact = true } = {}) {
  const href = await page.getByRole('link', { name: /^Open / }).first().getAttribute('href');
  await page.goto(new URL(`${href}?probe=1`, page.url()).href);
  await connected(page, { exact });
}

/** Waits until the picture is there; and, unless told otherwise, pixel for pixel the guest's. */
export async function connected(page, { exact = true } = {}) {
  await until(
    'the desktop to be connected',
    () =>
      page.evaluate(async (wanted) => {
        if (window.orielTest?.state() !== 'connected') return false;
        const stats = await window.orielTest.stats();
        return stats !== null && stats.framesPainted > 0 && stats.width > 0 && (!wanted || stats.lossless);
      }, exact),
    60,
  );
}

export function stats(page) {
  return page.evaluate(() => window.orielTest.stats());
}

/** The colour of one pixel of the guest's screen as the canvas has it, as `#rrggbb`. */
export async function pixel(page, x, y) {
  const [red, green, blue] = await page.evaluate(async ([px, py]) => [...(await window.orielTest.pixels(px, py, 1, 1))], [x, y]);
  return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

/** The whole picture on the canvas, as red, green, blue bytes. */
export async function picture(page) {
  const { width, height } = await stats(page);
  const base64 = await page.evaluate(
    async ([w, h]) => {
      const rgba = await window.orielTest.pixels(0, 0, w, h);
      const rgb = new Uint8Array(w * h * 3);
      for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) rgb.set(rgba.subarray(from, from + 3), to);
      const url = await new Promise((done) => {
        const reader = new FileReader();
        reader.onload = () => done(reader.result);
        reader.readAsDataURL(new Blob([rgb]));
      });
      return url.slice(url.indexOf(',') + 1);
    },
    [width, height],
  );
  return { width, height, rgb: Buffer.from(base64, 'base64') };
}
