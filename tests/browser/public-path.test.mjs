// A public URL with a path: the page, its files, the API and the WebSockets work below it, by either kind of proxy.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, login, notInFirefox, openDesktop, picture, visit } from './browser.mjs';
import { Oriel, freePort, until } from './oriel.mjs';
import { pathProxy } from './proxy.mjs';
import { difference, drawScene } from './scene.mjs';

const skip = notInFirefox('what is tried is the server’s and the page’s addresses, and the driver tells none of them');

let oriel;
let browser;
const proxies = [];
before(async () => {
  if (skip) return;
  const ports = [await freePort(), await freePort()];
  const urls = ports.map((port) => `http://127.0.0.1:${port}/corp/vdi/`);
  oriel = await Oriel.create({ scenes: ['idle'], config: `public_urls = ${JSON.stringify(urls)}` });
  await oriel.addUser('ada', 'a long password', 'idle');
  await oriel.start();
  for (const [at, port] of ports.entries()) {
    const proxy = pathProxy(oriel.port, '/corp/vdi', { strip: at === 1 });
    await new Promise((done) => proxy.listen(port, '127.0.0.1', done));
    proxies.push({ proxy, url: urls[at] });
  }
  browser = await launch();
});
after(async () => {
  await browser?.close();
  for (const { proxy } of proxies) {
    proxy.closeAllConnections();
    proxy.close();
  }
  await oriel?.destroy();
});

for (const [at, what] of ['passes the path on', 'removes the path'].entries()) {
  test(`a desktop is shown below a path by a proxy that ${what}`, { skip }, async () => {
    const { url } = proxies[at];
    const page = await visit(browser);
    const astray = [];
    page.on('response', (response) => response.status() === 404 && astray.push(response.url()));
    await login(page, url, 'ada', 'a long password');
    assert.equal(page.url(), url);
    await openDesktop(page);
    assert.match(page.url(), new RegExp(`^${url}desktop/`));
    const drawn = await drawScene('idle', 0, 1920, 1080);
    await until('the picture that the guest drew', async () => difference(await picture(page), drawn).pixels === 0);
    // The address of a desktop works by itself, deeper down than the page's files.
    await page.reload();
    await until('the picture after a reload', async () => difference(await picture(page), drawn).pixels === 0);
    assert.deepEqual(astray, []);
    await page.context().close();
  });
}
