// Figures that need a browser: echo latency by stage, the cost of a still desktop with a viewer, and
// the memory of a machine without one. Prints one JSON object a line.
import { launch, login, openDesktop, stats, visit } from '../browser/browser.mjs';
import { Oriel, until } from '../browser/oriel.mjs';
import { hostSeconds, residentMib } from './process.mjs';

const KEYS = 300;
const STILL_S = 20;
const MEMORY_MIB = 128;

function figure(name, value, unit, more = {}) {
  console.log(JSON.stringify({ name, value: Math.round(value * 1000) / 1000, unit, subject: 'oriel', ...more }));
}

const rank = (sorted, share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
const wait = (ms) => new Promise((tick) => setTimeout(tick, ms));

async function describe(oriel, at = 0) {
  const desktop = (await oriel.desktops())[at];
  return JSON.parse(await oriel.vmm('tell', '--socket', desktop.socket, 'describe'));
}

/** A person with one desktop of `scene`, open in the browser. */
async function withDesktop(browser, scene, words, measure) {
  const oriel = await Oriel.create({ scenes: [scene], words });
  try {
    await oriel.addPerson('ada', 'a long password', scene);
    await oriel.start();
    const page = await visit(browser);
    await login(page, oriel.url, 'ada', 'a long password');
    await openDesktop(page);
    await measure(oriel, page);
    await page.context().close();
  } finally {
    await oriel.destroy();
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
    const sorted = [...samples.values()].map((sample) => sample[field]).sort((a, b) => a - b);
    for (const [percentile, share] of [['p50', 0.5], ['p99', 0.99]]) {
      figure('echo_latency_ms', rank(sorted, share), 'ms', { scene: 'echo', stage, percentile });
    }
  }
  figure('echo_samples', samples.size, '1', { scene: 'echo' });
}

async function still(oriel, page) {
  const { pid } = await describe(oriel);
  await wait(3000);
  const server = oriel.server.pid;
  const before = { stats: await stats(page), vmm: hostSeconds(pid), server: hostSeconds(server), at: Date.now() };
  await wait(STILL_S * 1000);
  const vmm = hostSeconds(pid);
  const serverNow = hostSeconds(server);
  const now = await stats(page);
  const seconds = (Date.now() - before.at) / 1000;
  // The bench guest's own instructions are its affair: it polls where a kernel would sleep.
  figure('idle_cpu_percent', Math.max(0, 100 * (vmm - before.vmm + serverNow - before.server)) / seconds, '%', { scene: 'idle' });
  figure('idle_bytes_per_s', (now.bytesReceived - before.stats.bytesReceived) / seconds, 'B/s', { scene: 'idle' });
  figure('idle_frames', now.framesPainted - before.stats.framesPainted, '1', { scene: 'idle' });
}

async function overhead(oriel, page) {
  await page.goto('about:blank');
  await until('the viewer to leave', async () => (await describe(oriel)).viewers === 0);
  await wait(3000);
  const { pid } = await describe(oriel);
  const { all, guest } = residentMib(pid, MEMORY_MIB);
  figure('vmm_overhead_mib', all - guest, 'MiB', { scene: 'idle' });
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
