// Browsers that lack something: what they can still show, and what they are told.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, login, openDesktop, screenshot, stats, visit } from './browser.mjs';
import { GuestAgent } from './guest-agent.mjs';
import { Oriel, until } from './oriel.mjs';

let oriel;
let browser;
before(async () => {
  oriel = await Oriel.running({ scene: 'video' });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await oriel?.destroy();
});

/** A page whose browser has been changed by a script, in the page and in its worker. */
async function visitChanged(script, act) {
  const front = await GuestAgent.before(oriel.port, script);
  const page = await visit(browser, { viewport: { width: 1280, height: 800 } });
  try {
    await page.addInitScript(script);
    await login(page, front.url, 'ada', 'a long password');
    await act(page);
  } finally {
    await page.context().close();
    front.close();
  }
}

const open = (page) => page.getByRole('link', { name: /^Open / }).first().click();

test('without WebCodecs the page names browsers that have it, and goes on with exact pictures where that is wanted', () =>
  visitChanged('delete self.VideoDecoder; delete self.AudioDecoder;', async (page) => {
    await open(page);
    await page.getByRole('heading', { name: 'This browser shows a desktop only in part' }).waitFor();
    await page.getByText('Firefox, from version 130').waitFor();
    await screenshot(page, 'browser-in-part');
    await page.getByRole('button', { name: 'Go on all the same' }).click();
    await page.locator('.desktop-view.is-live').waitFor();
  }));

test('without H.264 everything comes as exact tiles, and the statistics say so', () =>
  visitChanged('VideoDecoder.isConfigSupported = async () => ({ supported: false });', async (page) => {
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
    await screenshot(page, 'menu-statistics');
  }));

test('without a canvas for workers the page says so, and which browsers work', () =>
  visitChanged('delete self.OffscreenCanvas;', async (page) => {
    await open(page);
    await page.getByRole('heading', { name: 'This browser cannot show a desktop' }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Go on all the same' }).count(), 0);
    await screenshot(page, 'browser-unsupported');
  }));
