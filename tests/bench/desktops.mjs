// How many desktops a core serves: real machines with the bench guest, a third of them typed on, a third scrolling a
// tenth of the time, a third idle, each with a viewer on its own socket. Usage: desktops.mjs [most]
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, until } from '../browser/oriel.mjs';
import { figure, rank, wait } from './figures.mjs';
import { familySeconds, guestSeconds } from './process.mjs';
import { Viewer } from './viewer.mjs';

const STEPS = [1, 2, 5, 10, 20, 50];
const USES = ['types', 'scrolls', 'idles'];
const SCENES = { types: 'echo', scrolls: 'scroll', idles: 'idle' };
const SECONDS = 15;
const KEYS_PER_SECOND = 3;
/** A second of scrolling in each of so many. */
const SCROLLS_EVERY_S = 10;
const [KEY_A, KEY_F9] = [30, 67];
const GOOD_P99_MS = 50;

async function start(folder, number) {
  const use = USES[number % USES.length];
  const dir = join(folder, `${number}`);
  await mkdir(dir);
  const at = (name) => join(dir, name);
  const kernel = join(root, 'tests/guest/target/release/oriel-bench-guest');
  await writeFile(at('machine.json'), JSON.stringify({
    version: 1, id: `bench-${number}`, machine: 'kvm', cpus: 1, memory_mib: 64, boot: { kernel, cmdline: `scene=${SCENES[use]} blob=1` },
    width: 1920, height: 1080, socket: at('socket'), serial_log: at('serial.log'), exit_report: at('exit-report.json'),
  }));
  const machine = spawn(join(root, 'target/release/oriel-vmm'), ['run', '--config', at('machine.json')], { stdio: 'ignore' });
  const ended = new Promise((done) => machine.on('close', done));
  const serial = () => readFile(at('serial.log'), 'utf8').catch(() => '');
  await until('a guest to start', async () => (await serial()).includes('oriel-bench-guest ready'), 60);
  const viewer = await Viewer.on(at('socket'));
  if (use === 'scrolls') viewer.press(KEY_F9);
  return { use, pid: machine.pid, viewer, stop: () => (viewer.close(), machine.kill('SIGTERM'), ended) };
}

/** Somebody works on the desktop for so many seconds. */
async function work({ use, viewer }, number) {
  const end = performance.now() + SECONDS * 1000;
  const left = () => end - performance.now();
  // People are not in step.
  await wait(((number * 397) % 1000) * (use === 'types' ? 1 / KEYS_PER_SECOND : SCROLLS_EVERY_S - 1));
  while (use === 'types' && left() > 0) {
    viewer.press(KEY_A);
    await wait(1000 / KEYS_PER_SECOND);
  }
  while (use === 'scrolls' && left() > 1000) {
    viewer.press(KEY_F9);
    await wait(1000);
    viewer.press(KEY_F9);
    await wait((SCROLLS_EVERY_S - 1) * 1000);
  }
  if (left() > 0) await wait(left());
}

async function measure(desktops) {
  await wait(2000);
  const typed = desktops.filter(({ use }) => use === 'types');
  for (const { viewer } of typed) viewer.answers = [];
  const sum = (seconds) => desktops.reduce((all, { pid }) => all + seconds(pid), 0);
  const spent = () => [sum(familySeconds), sum(guestSeconds)];
  const [begun, before] = [performance.now(), spent()];
  await Promise.all(desktops.map(work));
  const seconds = (performance.now() - begun) / 1000;
  const [host, guest] = spent().map((now, at) => now - before[at]);
  await wait(500);
  const count = desktops.length;
  const fields = { scene: 'mixed', desktops: count, measured_at: 'display socket' };
  const answers = typed.flatMap(({ viewer }) => viewer.answers).sort((a, b) => a - b);
  const p99 = rank(answers, 0.99) ?? Infinity;
  figure('mixed_echo_latency_ms', rank(answers, 0.5) ?? 'none', 'ms', { ...fields, percentile: 'p50' });
  figure('mixed_echo_latency_ms', p99, 'ms', { ...fields, percentile: 'p99', keys: answers.length });
  const percent = (100 * host) / seconds / count;
  figure('desktop_cpu_percent', percent, '%', { ...fields, of: 'host' });
  figure('desktop_cpu_percent', (100 * guest) / seconds / count, '%', { ...fields, of: 'guest' });
  return { count, p99, percent };
}

const most = Number(process.argv[2] ?? STEPS.at(-1));
const folder = await mkdtemp(join(tmpdir(), 'oriel-bench-many-'));
const desktops = [];
let good = null;
try {
  for (const count of STEPS.filter((step) => step <= most)) {
    while (desktops.length < count) desktops.push(await start(folder, desktops.length));
    const found = await measure(desktops);
    if (found.p99 < GOOD_P99_MS) good = found;
  }
} finally {
  await Promise.all(desktops.map((desktop) => desktop.stop()));
  await rm(folder, { recursive: true, force: true });
}
if (good === null) {
  figure('desktops_per_core', 0, '1', { scene: 'mixed' });
} else {
  // Both say something: how many ran well beside each other here, and for how many a core's time is enough.
  const fields = { scene: 'mixed' };
  figure('desktops_per_core', good.count / availableParallelism(), '1', { ...fields, by: 'echo p99 under 50 ms, as many as ran' });
  figure('desktops_per_core', Math.floor(100 / good.percent), '1', { ...fields, by: 'processor time of the host, without the guests' });
}
