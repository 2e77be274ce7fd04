// Firefox lets a page write the clipboard while the user does something, and read it when they paste.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inFirefox } from './browser.mjs';
import { openWithAgent } from './guest-agent.mjs';
import { until } from './oriel.mjs';

const KEY_V = 47;
const skip = inFirefox ? false : 'this is how Firefox does it';

let desk;
let agent;
let page;
before(async () => {
  if (skip) return;
  desk = await openWithAgent();
  ({ agent, page } = desk);
});
after(() => desk?.close());

test('what the guest copies is pasted here, and what is copied here in the guest', { skip }, async () => {
  agent.copy({ 'text/plain': Buffer.from('from the desktop') });
  await page.keyboard.press('b');
  const pasted = await until('the text to be in the clipboard', async () => {
    await page.evaluate(() => {
      const field = document.createElement('textarea');
      document.body.append(field);
      field.focus();
    });
    await page.keyboard.press('Control+v');
    return page.evaluate(() => {
      const field = document.body.querySelector(':scope > textarea');
      const { value } = field;
      field.remove();
      document.querySelector('.viewport').focus();
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
  await page.keyboard.press('Control+c');
  await page.evaluate(() => {
    document.body.querySelector(':scope > textarea').remove();
    document.querySelector('.viewport').focus();
  });
  agent.log = [];
  await page.keyboard.press('Control+v');
  await until('the key', () => agent.log.some(({ key, down }) => key === KEY_V && !down));
  const [offered, key] = [agent.log.findIndex(({ offer }) => offer), agent.log.findIndex(({ key: code }) => code === KEY_V)];
  assert.ok(offered >= 0 && offered < key, JSON.stringify(agent.log));
  assert.equal((await agent.paste('text/plain')).toString(), 'from here');
});
