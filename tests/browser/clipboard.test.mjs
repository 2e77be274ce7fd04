// The user's clipboard and the guest's are one: keys, browser permissions, pictures, and what is too much.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { connected, notInFirefox, screenshot } from './browser.mjs';
import { openWithAgent } from './guest-agent.mjs';
import { until } from './oriel.mjs';

const KEY_V = 47;

const skip = notInFirefox('it has a clipboard test of its own');

let desk;
let agent;
let page;
before(async () => {
  if (skip) return;
  desk = await openWithAgent();
  ({ agent, page } = desk);
});
after(() => desk?.close());
beforeEach(() => {
  agent.log = [];
});

/** What the user copies in another program. */
const copyHere = (contents) =>
  page.evaluate(async (parts) => {
    const blobs = Object.fromEntries(
      Object.entries(parts).map(([type, base64]) => [type, new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], { type })]),
    );
    await navigator.clipboard.write([new ClipboardItem(blobs)]);
  }, Object.fromEntries(Object.entries(contents).map(([type, bytes]) => [type, Buffer.from(bytes).toString('base64')])));

const textHere = () => page.evaluate(() => navigator.clipboard.readText());
const png = (colour) =>
  page.evaluate(async (fill) => {
    const canvas = new OffscreenCanvas(33, 21);
    const context = canvas.getContext('2d');
    context.fillStyle = fill;
    context.fillRect(0, 0, 33, 21);
    const blob = await canvas.convertToBlob({ type: 'image/png' });
    return [...new Uint8Array(await blob.arrayBuffer())];
  }, colour).then((bytes) => Buffer.from(bytes));

/** The size and the middle pixel of a PNG, decoded by the browser. */
const look = (bytes) =>
  page.evaluate(async (data) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(data)], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext('2d').drawImage(bitmap, 0, 0);
    return [bitmap.width, bitmap.height, ...canvas.getContext('2d').getImageData(16, 10, 1, 1).data];
  }, [...bytes]);

test('Ctrl+V without any permission: the guest has the text before it gets the key', { skip }, async () => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await copyHere({ 'text/plain': 'grüße\r\nfrom here' });
  await page.context().clearPermissions();
  await page.keyboard.press('Control+v');
  await page.keyboard.press('x');
  await until('the key after it', () => agent.log.some(({ key, down }) => key === 45 && !down));
  const words = agent.log.map((event) => (event.offer ? `offer ${event.offer}` : `${event.key} ${event.down}`));
  assert.deepEqual(words, ['29 true', 'offer text/plain', '47 true', '47 false', '29 false', '45 true', '45 false']);
  assert.equal((await agent.paste('text/plain')).toString(), 'grüße\nfrom here');
  assert.equal(await agent.paste('image/png'), null);
});

test('the same text pasted again is not offered again', { skip }, async () => {
  await page.keyboard.press('Control+v');
  await until('the key', () => agent.log.some(({ key, down }) => key === KEY_V && !down));
  assert.ok(!agent.log.some(({ offer }) => offer));
});

test('what the guest copies is in the user’s clipboard, and pasting it there leaves it the guest’s own', { skip }, async () => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  agent.copy({ 'text/plain': Buffer.from('from the desktop ☕') });
  await until('the text to be here', async () => (await textHere()) === 'from the desktop ☕');
  agent.log = [];
  await page.keyboard.press('Control+v');
  await until('the key', () => agent.log.some(({ key, down }) => key === KEY_V && !down));
  assert.ok(!agent.log.some(({ offer }) => offer));
});

test('pictures go both ways', { skip }, async () => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  agent.copy({ 'image/png': await png('#c03050') });
  const type = () => page.evaluate(async () => (await navigator.clipboard.read())[0].types);
  await until('the picture to be here', async () => (await type()).includes('image/png'));
  const here = await page.evaluate(async () => {
    const blob = await (await navigator.clipboard.read())[0].getType('image/png');
    return [...new Uint8Array(await blob.arrayBuffer())];
  });
  assert.deepEqual(await look(here), [33, 21, 0xc0, 0x30, 0x50, 255]);

  await copyHere({ 'image/png': await png('#3050c0') });
  agent.log = [];
  await page.keyboard.press('Control+v');
  await until('the key', () => agent.log.some(({ key, down }) => key === KEY_V && !down));
  assert.deepEqual(agent.log[1], { offer: ['image/png'] });
  assert.deepEqual(await look(await agent.paste('image/png')), [33, 21, 0x30, 0x50, 0xc0, 255]);
});

test('a page that may look offers what was copied while it was behind', { skip }, async () => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await copyHere({ 'text/plain': 'copied elsewhere' });
  await page.evaluate(() => window.dispatchEvent(new Event('focus')));
  await until('the offer', () => agent.log.some(({ offer }) => offer));
  assert.equal((await agent.paste('text/plain')).toString(), 'copied elsewhere');
});

test('100 MB are refused with a sentence, and the desktop pastes nothing instead', { skip }, async () => {
  await page.evaluate(() => navigator.clipboard.writeText('a'.repeat(100 << 20)));
  agent.log = [];
  await page.keyboard.press('Control+v');
  await page.getByText(/too large for the desktop/).first().waitFor();
  await page.keyboard.press('x');
  await until('the next key', () => agent.log.some(({ key }) => key === 45));
  assert.ok(!agent.log.some(({ key, offer }) => key === KEY_V || offer), JSON.stringify(agent.log));
  await page.evaluate(() => navigator.clipboard.writeText('short'));
});

test('a new connection knows what was copied before', { skip }, async () => {
  await page.keyboard.press('Control+v');
  await until('the offer', () => agent.log.some(({ offer }) => offer));
  agent.log = [];
  for (const client of agent.clients) client.terminate();
  await until('the offer again', () => agent.log.some(({ offer }) => offer));
  await connected(page);
  assert.equal((await agent.paste('text/plain')).toString(), 'short');
});

for (const scheme of ['light', 'dark']) {
  test(`the menu explains the clipboard, and text can be given without keys (${scheme})`, { skip }, async () => {
    await page.context().clearPermissions();
    await page.emulateMedia({ colorScheme: scheme });
    await page.getByRole('button', { name: /^Menu/ }).click();
    await page.getByRole('button', { name: 'Clipboard' }).click();
    await page.getByRole('heading', { name: 'Clipboard' }).waitFor();
    await screenshot(page, `clipboard-${scheme}`);
    await page.getByLabel('Text for the desktop’s clipboard').fill(`given by hand, ${scheme}`);
    await page.getByRole('button', { name: 'Give it to the desktop' }).click();
    await page.getByText('It is in the desktop’s clipboard').first().waitFor();
    assert.equal((await agent.paste('text/plain')).toString(), `given by hand, ${scheme}`);
    await until('the keys to go to the desktop again', () => page.evaluate(() => document.activeElement?.className === 'viewport'));
  });
}

test('who only watches exchanges nothing', { skip }, async () => {
  const watcher = await page.context().newPage();
  await watcher.goto(`${page.url()}&watch=1`);
  await connected(watcher);
  agent.log = [];
  await watcher.keyboard.press('Control+v');
  await watcher.getByRole('button', { name: /^Menu/ }).click();
  await watcher.getByRole('button', { name: 'Full screen' }).waitFor();
  assert.equal(await watcher.getByRole('button', { name: 'Clipboard' }).count(), 0);
  assert.equal(await watcher.getByRole('button', { name: 'Send files' }).count(), 0);
  assert.deepEqual(agent.log, []);
  await watcher.close();
});
