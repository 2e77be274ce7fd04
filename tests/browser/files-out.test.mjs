// Files out of the desktop: offered in the corner, saved where the user says, with progress and an end to everything.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { inFirefox, screenshot } from './browser.mjs';
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

const tray = () => page.getByRole('region', { name: 'Files' });
const press = (name) => tray().getByRole('button', { name }).click();
const state = (sending, wanted) => until(`the file to be ${wanted}`, () => sending.state === wanted);

/** The browser asks where to save, and the user says: under this name in the page's own private folder. */
const choosing = () =>
  page.evaluate(() => {
    window.showSaveFilePicker = async ({ suggestedName }) => {
      window.suggested = suggestedName;
      return (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
    };
  });

/** The browser saves downloads where it always does; what it is given is kept to be looked at. */
const notChoosing = () =>
  page.evaluate(() => {
    window.showSaveFilePicker = undefined;
    const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => {
      window.saved = blob;
      return make.call(URL, blob);
    };
  });

const sumOf = (what) => page.evaluate(async (from) => {
  const directory = from === null ? null : await navigator.storage.getDirectory();
  const blob = directory === null ? window.saved : await (await directory.getFileHandle(from)).getFile();
  const sum = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
  return [...new Uint8Array(sum)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}, what);
const sum = async (contents) => Buffer.from(await crypto.subtle.digest('SHA-256', contents)).toString('hex');

/** What lies in the page's private folder. */
const folder = () => page.evaluate(async () => {
  const names = [];
  for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name);
  return names;
});

test('a file is saved where the user says, byte for byte, and the desktop told once it is safe', async () => {
  await choosing();
  const contents = bytes(5_000_000);
  const sending = agent.send('report.pdf', contents);
  sending.stopsAt = 2_000_000;
  await tray().getByRole('alert').getByText('5.0 MB, from the desktop').waitFor();
  await screenshot(page, 'files-out-offered');
  await press('Save report.pdf');
  const bar = tray().getByRole('progressbar', { name: 'Saving report.pdf' });
  await until('some progress', async () => (await bar.evaluate(({ value }) => value)) > 1_500_000);
  assert.ok(sending.taken <= 2_000_000);
  await screenshot(page, 'files-out-progress');
  sending.stopsAt = undefined;
  agent.passOn(sending);
  await state(sending, 'done');
  assert.equal(await sumOf('report.pdf'), await sum(contents));
  await tray().getByText('5.0 MB, saved here').waitFor();
  await tray().waitFor({ state: 'hidden' });
});

test('where the browser does not ask, the file is a download', async () => {
  await notChoosing();
  for (const contents of [bytes(1_000_000), Buffer.alloc(0)]) {
    await page.evaluate(() => {
      window.saved = null;
    });
    const sending = agent.send('notes.txt', contents);
    const download = inFirefox ? null : page.waitForEvent('download');
    await press('Save notes.txt');
    await state(sending, 'done');
    // An empty file is whole before anything was made of it here.
    await until('the download', () => page.evaluate(() => window.saved !== null));
    assert.equal(await sumOf(null), await sum(contents));
    if (download !== null) {
      assert.equal((await download).suggestedFilename(), 'notes.txt');
      assert.ok(contents.equals(await readFile(await (await download).path())));
    }
    await press('Dismiss notes.txt');
  }
});

test('declined, the desktop hears of it and the user of nothing more', async () => {
  const sending = agent.send('advertisement.exe', bytes(400));
  await press('Decline advertisement.exe');
  await state(sending, 'declined');
  await tray().waitFor({ state: 'hidden' });
});

test('stopped midway, nothing of it is left behind', async () => {
  await choosing();
  const sending = agent.send('long.bin', bytes(8_000_000));
  sending.stopsAt = 1_000_000;
  await press('Save long.bin');
  await until('a part of it', () => sending.taken > 500_000);
  await press('Cancel long.bin');
  await state(sending, 'stopped');
  await tray().waitFor({ state: 'hidden' });
  if (!inFirefox) await until('the file to be removed', async () => !(await folder()).includes('long.bin'));
});

test('what the desktop stops sending is said; what was only offered is just gone', async () => {
  const offered = agent.send('fickle.txt', bytes(400));
  await tray().getByText('fickle.txt').first().waitFor();
  agent.giveUp(offered);
  await tray().waitFor({ state: 'hidden' });
  const sending = agent.send('torn.bin', bytes(4_000_000));
  sending.stopsAt = 600_000;
  await press('Save torn.bin');
  await until('a part of it', () => sending.taken > 0);
  agent.giveUp(sending);
  await tray().getByRole('alert').getByText('The desktop stopped sending it.').waitFor();
  await press('Dismiss torn.bin');
});

test('names that lie or hide are made plain', async () => {
  await choosing();
  for (const [name, plain] of [['../../.bashrc', 'bashrc'], ['invoice\u202Efdp.exe', 'invoicefdp.exe'], ['.._.._.profile', '_.._.profile']]) {
    const sending = agent.send(name, bytes(8));
    await press(`Save ${plain}`);
    await state(sending, 'done');
    assert.equal(await page.evaluate(() => window.suggested), plain);
    await press(`Dismiss ${plain}`);
  }
});

test('the menu saves the file too, and it is all done by keyboard', async () => {
  await choosing();
  const sending = agent.send('typed.txt', bytes(12));
  await tray().getByText('typed.txt').first().waitFor();
  await page.locator('.viewport').focus();
  for (const key of ['Control', 'Alt', 'Shift']) await page.keyboard.down(key);
  for (const key of ['Shift', 'Alt', 'Control']) await page.keyboard.up(key);
  await page.getByRole('dialog', { name: /^Menu of/ }).waitFor();
  await page.getByRole('button', { name: 'Save file' }).focus();
  await page.keyboard.press('Enter');
  await state(sending, 'done');
});

test('what is on its way when the line breaks is said to be lost', async () => {
  const sending = agent.send('lost.bin', bytes(4_000_000));
  sending.stopsAt = 600_000;
  await press('Save lost.bin');
  await until('a part of it', () => sending.taken > 0);
  for (const client of agent.clients) client.terminate();
  await tray().getByText('The connection was lost.').waitFor();
});
