import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, login, openDesktop, screenshot, stats, visit } from './browser.mjs';
import { Oriel, until } from './oriel.mjs';

let oriel;
let browser;
let page;
before(async () => {
  oriel = await Oriel.running({ words: 'tone=1' });
  // A microphone that beeps, and a browser that lets every page have it.
  browser = await launch({ microphone: true });
  page = await visit(browser);
  await login(page, oriel.url, 'ada', 'a long password');
  await openDesktop(page);
});
after(async () => {
  await browser?.close();
  await oriel?.destroy();
});

const audio = async () => (await stats(page)).audio;
const counter = async (name) => (await oriel.describe()).counters[name];
const tool = async (name) => {
  const handle = page.getByRole('button', { name: /^Menu/ });
  if (await handle.isVisible()) await handle.click();
  return page.getByRole('button', { name, exact: true });
};

test('the desktop is heard once the user has touched the page, and not before', async () => {
  assert.equal((await audio()).packets, 0);
  assert.equal(await counter('sound_packets'), 0, 'nothing is encoded for nobody');
  await page.mouse.click(400, 400);
  await until('a second of sound', async () => (await audio()).packets > 100);
  await until('samples before the sound card', async () => (await audio()).bufferMs > 0);
  for (let look = 0; look < 10; look += 1) {
    const { bufferMs } = await audio();
    assert.ok(bufferMs <= 140, `${bufferMs} ms wait for the sound card`);
    await new Promise((tick) => setTimeout(tick, 100));
  }
});

test('muting ends the stream, and it comes back', async () => {
  await (await tool('Sound')).click();
  await until('silence', async () => {
    const before = (await audio()).packets;
    await new Promise((tick) => setTimeout(tick, 500));
    return (await audio()).packets === before;
  });
  const before = (await audio()).packets;
  await screenshot(page, 'desktop-sound');
  await (await tool('Sound')).click();
  await until('sound', async () => (await audio()).packets > before + 20);
});

test('a microphone is heard by the guest from the click that allows it to the click that ends it', async () => {
  assert.equal(await counter('sound_recorded'), 0);
  const microphone = await tool('Microphone');
  await microphone.click();
  await page.getByRole('button', { name: 'Turn on' }).click();
  await until('recorded packets', async () => (await counter('sound_recorded')) > 20);
  assert.equal(await microphone.getAttribute('aria-pressed'), 'true');
  await microphone.click();
  await until('the end of recording', async () => {
    const before = await counter('sound_recorded');
    await new Promise((tick) => setTimeout(tick, 500));
    return (await counter('sound_recorded')) === before;
  });
  assert.equal(await counter('sound_recorded_ignored'), 0);
});
