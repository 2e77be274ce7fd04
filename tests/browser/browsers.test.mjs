// Browsers that lack something: what they can still show, and what they are told.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, login, openDesktop, screenshot, stats, visit } from './browser.mjs';
import { Oriel, until } from './oriel.mjs';

let oriel;
let browser;
before(async () => {
  oriel = await Oriel.create({ scenes: ['video'] });
  await oriel.addPerson('ada', 'a long password', 'video');
  await oriel.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await oriel?.destroy();
});

/** A page whose browser lacks these names, in the page and in its workers. */
async function visitWithout(...names) {
  const page = await visit(browser, { viewport: { width: 1280, height: 800 } });
  const script = names.map((name) => `delete self.${name};`).join('');
  await page.addInitScript(script);
  await page.route('**/assets/main-*.js', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: `${script}\n${await answer.text()}` });
  });
  await login(page, oriel.url, 'ada', 'a long password');
  return page;
}

const open = (page) => page.getByRole('link', { name: /^Open / }).first().click();

test('without WebCodecs the page names browsers that have it, and goes on with exact pictures where that is wanted', async () => {
  const page = await visitWithout('VideoDecoder', 'AudioDecoder');
  await open(page);
  await page.getByRole('heading', { name: 'This browser shows a desktop only in part' }).waitFor();
  await page.getByText('Firefox, from version 130').waitFor();
  await screenshot(page, 'browser-in-part');
  await page.getByRole('button', { name: 'Go on all the same' }).click();
  await page.locator('.desk.is-live').waitFor();
  await page.context().close();
});

test('without H.264 everything comes as exact tiles, and the statistics say so', async () => {
  const page = await visit(browser, { viewport: { width: 1280, height: 800 } });
  await page.route('**/assets/main-*.js', async (route) => {
    const answer = await route.fetch();
    const script = 'VideoDecoder.isConfigSupported = async () => ({ supported: false });';
    await route.fulfill({ response: answer, body: `${script}\n${await answer.text()}` });
  });
  await login(page, oriel.url, 'ada', 'a long password');
  await openDesktop(page, { exact: false });
  const now = await until('moving pictures', async () => {
    const seen = await stats(page);
    return seen.framesPainted > 5 ? seen : null;
  });
  assert.equal(now.h264, 'unavailable');
  assert.equal(now.videoShare, 0);
  await page.getByRole('button', { name: /^Menu/ }).click();
  await page.getByRole('button', { name: 'Statistics' }).click();
  await page.getByText('not in this browser: exact only').waitFor();
  await page.context().close();
});

test('without a canvas for workers the page says so, and which browsers work', async () => {
  const page = await visitWithout('OffscreenCanvas');
  await open(page);
  await page.getByRole('heading', { name: 'This browser cannot show a desktop' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Go on all the same' }).count(), 0);
  await screenshot(page, 'browser-unsupported');
  await page.context().close();
});
