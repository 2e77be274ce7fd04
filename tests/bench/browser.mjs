// What a still desktop costs with a viewer, and the memory of a machine without one.
import { launch, stats } from '../browser/browser.mjs';
import { until } from '../browser/oriel.mjs';
import { figure, wait } from './figures.mjs';
import { family, familySeconds, residentMib } from './process.mjs';
import { open } from './subjects/oriel.mjs';

const STILL_S = 20;
const MEMORY_MIB = 128;

async function still(oriel, page) {
  await wait(3000);
  // The bench guest's own instructions are its affair.
  const spent = () => familySeconds(oriel.server.pid);
  const before = { stats: await stats(page), spent: spent(), at: Date.now() };
  await wait(STILL_S * 1000);
  const ran = spent() - before.spent;
  const now = await stats(page);
  const seconds = (Date.now() - before.at) / 1000;
  figure('idle_cpu_percent', (100 * ran) / seconds, '%', { scene: 'idle' });
  figure('idle_bytes_per_s', (now.bytesReceived - before.stats.bytesReceived) / seconds, 'B/s', { scene: 'idle' });
  figure('idle_frames', now.framesPainted - before.stats.framesPainted, '1', { scene: 'idle' });
}

async function overhead(oriel, page) {
  await page.goto('about:blank');
  await until('the viewer to leave', async () => (await oriel.describe()).viewers === 0);
  await wait(3000);
  const { pid } = await oriel.describe();
  // The process that runs the guest, and the one that keeps it.
  const overhead = family(pid).map((member) => residentMib(member, MEMORY_MIB)).reduce((sum, { all, guest }) => sum + all - guest, 0);
  figure('vmm_overhead_mib', overhead, 'MiB', { scene: 'idle' });
}

const browser = await launch();
try {
  const view = await open(browser, 'idle');
  try {
    await still(view.oriel, view.page);
    await overhead(view.oriel, view.page);
  } finally {
    await view.close();
  }
} finally {
  await browser.close();
}
