// Figures that need a browser: echo latency by stage, the cost of a still desktop with a viewer, and
// the memory of a machine without one. Prints one JSON object a line.
import { launch, stats } from '../browser/browser.mjs';
import { until } from '../browser/oriel.mjs';
import { figure, spread, wait } from './figures.mjs';
import { family, familySeconds, residentMib } from './process.mjs';
import { describe, open } from './subjects/oriel.mjs';

const KEYS = 300;
const STILL_S = 20;
const MEMORY_MIB = 128;

/** A desktop of `scene`, open in the browser. */
async function withDesktop(browser, scene, words, measure) {
  const view = await open(browser, scene, { words });
  try {
    await measure(view.oriel, view.page);
  } finally {
    await view.close();
  }
}

async function echoLatency(oriel, page) {
  const samples = new Map();
  const gather = async () => {
    for (const sample of (await stats(page)).samples) samples.set(sample.seq, sample);
  };
  for (let key = 0; key < KEYS; key += 1) {
    await page.keyboard.press('a');
    // Not in step with anything: 60 to 160 ms.
    await wait(60 + ((key * 37) % 100));
    if (key % 50 === 49) await gather();
  }
  await wait(500);
  await gather();
  const stages = { toServer: 'client_to_server', inputToGuest: 'input_to_guest', guestToFlush: 'guest_to_flush', flushToSent: 'flush_to_sent', sentToPresented: 'sent_to_presented', total: 'total' };
  for (const [field, stage] of Object.entries(stages)) {
    spread('echo_latency_ms', [...samples.values()].map((sample) => sample[field]), 'ms', { scene: 'echo', stage });
  }
  figure('echo_samples', samples.size, '1', { scene: 'echo' });
}

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
  await until('the viewer to leave', async () => (await describe(oriel)).viewers === 0);
  await wait(3000);
  const { pid } = await describe(oriel);
  // The process that runs the guest, and the one that keeps it.
  const overhead = family(pid).map((member) => residentMib(member, MEMORY_MIB)).reduce((sum, { all, guest }) => sum + all - guest, 0);
  figure('vmm_overhead_mib', overhead, 'MiB', { scene: 'idle' });
}

const browser = await launch();
try {
  await withDesktop(browser, 'echo', '', echoLatency);
  // Its pixels lie in guest memory, as those of Linux guests do.
  await withDesktop(browser, 'idle', 'blob=1', async (oriel, page) => {
    await still(oriel, page);
    await overhead(oriel, page);
  });
} finally {
  await browser.close();
}
