// Files for the desktop: dropped onto the picture, chosen in the menu, pasted; with progress, and an end to everything.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { screenshot } from './browser.mjs';
import { bytes, openWithAgent } from './guest-agent.mjs';
import { until } from './oriel.mjs';

let desk;
let agent;
let page;
before(async () => {
  desk = await openWithAgent();
  ({ agent, page } = desk);
});
after(() => desk?.close());

/** Drags files over the picture, and drops them unless told otherwise. */
const drop = (files, { let: go = true } = {}) =>
  page.evaluate(([list, drops]) => {
    const data = new DataTransfer();
    for (const [name, base64] of list) data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
    const viewport = document.querySelector('.viewport');
    for (const type of drops ? ['dragover', 'drop'] : ['dragover']) {
      viewport.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    }
  }, [files.map(([name, contents]) => [name, contents.toString('base64')]), go]);

const tray = () => page.getByRole('region', { name: 'Files' });
const whole = (name) => until(`the whole of ${name}`, () => {
  const file = agent.files.get(name);
  return file && file.received === file.size ? Buffer.concat(file.pieces) : null;
});

test('files dropped onto the picture arrive byte for byte, also an empty one', async () => {
  const contents = bytes(3_000_000);
  await drop([['notes.bin', contents]], { let: false });
  await page.getByText('Drop to send to').waitFor();
  await screenshot(page, 'files-drop');
  await drop([['notes.bin', contents], ['nothing.txt', Buffer.alloc(0)]]);
  assert.ok(contents.equals(await whole('notes.bin')));
  await whole('nothing.txt');
  await tray().getByText('3.0 MB, now in the desktop').waitFor();
  await tray().waitFor({ state: 'hidden' });
});

test('keys go before a long file, and its progress is shown', async () => {
  agent.takesFiles = false;
  await drop([['slow.bin', bytes(4_000_000)]]);
  await until('the first pieces', () => agent.files.get('slow.bin')?.received > 200_000);
  const { received } = agent.files.get('slow.bin');
  assert.ok(received <= 256 * 1024, `${received} bytes came without a word of the guest`);
  agent.log = [];
  await page.locator('.viewport').focus();
  await page.keyboard.press('a');
  await until('the key', () => agent.log.some(({ key }) => key === 30));
  agent.takesFiles = true;
  agent.takeFiles();
  agent.takesFiles = false;
  const bar = tray().getByRole('progressbar', { name: 'Sending slow.bin' });
  await until('some progress', async () => (await bar.evaluate(({ value }) => value)) > 0);
  await tray().getByText(/ of 4.0 MB$/).waitFor();
  await screenshot(page, 'files-progress');
});

test('a file can be cancelled', async () => {
  await tray().getByRole('button', { name: 'Cancel slow.bin' }).click();
  await until('the guest to hear of it', () => agent.log.some(({ cancel }) => cancel === agent.files.get('slow.bin').transfer));
  await tray().waitFor({ state: 'hidden' });
  agent.takesFiles = true;
});

test('what the guest refuses is said, and can be sent again', async () => {
  agent.refusal = 'The desktop’s disk has no room for the file; 3 MiB are free.';
  await drop([['big.bin', bytes(400_000)]]);
  await tray().getByRole('alert').getByText('no room for the file').waitFor();
  await screenshot(page, 'files-refused');
  agent.refusal = undefined;
  await tray().getByRole('button', { name: 'Send again' }).click();
  assert.ok(bytes(400_000).equals(await whole('big.bin')));
});

test('names that lie are made plain before they are shown or sent', async () => {
  await drop([['invoice\u202Efdp.exe', bytes(8)]]);
  await whole('invoicefdp.exe');
  await tray().getByText('invoicefdp.exe').waitFor();
});

test('the menu sends files too, and it is all done by keyboard', async () => {
  await page.locator('.viewport').focus();
  for (const key of ['Control', 'Alt', 'Shift']) await page.keyboard.down(key);
  for (const key of ['Shift', 'Alt', 'Control']) await page.keyboard.up(key);
  await page.getByRole('dialog', { name: /^Menu of/ }).waitFor();
  const choosing = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Send files' }).focus();
  await page.keyboard.press('Enter');
  await (await choosing).setFiles([{ name: 'chosen.txt', mimeType: 'text/plain', buffer: Buffer.from('chosen') }]);
  assert.equal((await whole('chosen.txt')).toString(), 'chosen');
});

test('what is on its way when the line breaks is said to be lost, and comes when it is sent again', async () => {
  agent.takesFiles = false;
  await drop([['lost.bin', bytes(2_000_000)]]);
  await until('the first pieces', () => agent.files.get('lost.bin')?.received > 0);
  for (const client of agent.clients) client.terminate();
  await tray().getByText('The connection was lost.').waitFor();
  await until('the desktop to be back', () => page.evaluate(() => window.orielTest.state() === 'connected'));
  agent.takesFiles = true;
  await tray().getByRole('button', { name: 'Send again' }).click();
  assert.ok(bytes(2_000_000).equals(await whole('lost.bin')));
});
