// Logs in at a running server, opens the first desktop, types into a terminal and takes screenshots.
// Usage: desktop-shot.mjs URL NAME PASSWORD OUT_FOLDER
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { connected, launch, login, openDesktop, stats, typeText, visit } from './browser.mjs';

const [url, name, password, folder] = process.argv.slice(2);
const wait = (seconds) => new Promise((tick) => setTimeout(tick, seconds * 1000));
await mkdir(folder, { recursive: true });
const browser = await launch();
try {
  const page = await visit(browser, { colorScheme: 'light' });
  await login(page, url, name, password);
  await page.screenshot({ path: join(folder, 'my-desktops.png') });
  await openDesktop(page);
  await page.screenshot({ path: join(folder, 'desktop-empty.png') });
  await page.keyboard.press('Alt+F2');
  await wait(20);
  await typeText(page, 'xfce4-terminal --geometry=90x24+420+180', { delay: 120 });
  await wait(3);
  await page.screenshot({ path: join(folder, 'desktop-run.png') });
  await page.keyboard.press('Enter');
  await wait(40);
  await typeText(page, 'echo "Hello from $(hostname)"; uname -sr; nproc', { delay: 120 });
  await page.keyboard.press('Enter');
  await wait(12);
  await connected(page);
  await page.screenshot({ path: join(folder, 'desktop.png') });
  console.log(JSON.stringify({ ...(await stats(page)), samples: undefined }, null, 1));
} finally {
  await browser.close();
}
