// Measures two commits in turn on this machine, and tells how their figures differ beside how a commit differs from itself.
//
//   compare-commits.mjs [--rounds N] BASE HEAD [PART ...]     default: ten rounds of every part; parts: encode, stages, echo
//
// Each commit is built in a worktree of its own in .cache/compare/, with its own code and benchmarks; only what runs
// them is this commit's. Rounds go BASE, HEAD, BASE, HEAD, ... so that what slows the machine for a while slows both.
// One JSON line a figure on standard output: medians, their ratio (HEAD to BASE), and the spread, the range that holds 95
// of 100 ratios of one half of a commit's own rounds to the other, of whichever commit strays more. A table goes to
// standard error. A figure that only one commit has is named there and not compared.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const PARTS = {
  // What comparing and encoding costs, scene by scene: processor time and bytes.
  encode: { programs: ['bench-encode'], make: [], command: (tree) => [join(tree, 'target/release/bench-encode')] },
  // What each stage of the pipeline costs alone.
  stages: { programs: ['bench-stages'], make: [], command: (tree) => [join(tree, 'target/release/bench-stages')] },
  // From a key in the page to the frame with its answer.
  echo: {
    programs: ['oriel', 'oriel-vmm'],
    make: ['guest', 'web'],
    command: (tree) => [process.execPath, join(root, 'tests/bench/echo-of.mjs'), tree],
  },
};
/** Beyond this, or the spread, a ratio is worth a look. */
const TOLERANCE = 0.05;
const HALVES = 400;

function fail(sentence) {
  console.error(`bench-compare: ${sentence}`);
  process.exit(2);
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { rounds: { type: 'string', default: '10' } } });
const [baseName, headName, ...wanted] = positionals;
const rounds = Number(values.rounds);
if (!headName || !(rounds >= 2)) fail('say which two commits, and at least two rounds: compare-commits.mjs [--rounds 10] BASE HEAD [PART ...]');
const parts = wanted.length > 0 ? wanted : Object.keys(PARTS);
for (const part of parts) if (!PARTS[part]) fail(`there is no part '${part}'; there are: ${Object.keys(PARTS).join(', ')}.`);

const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

function run(cwd, command, ...args) {
  return new Promise((done, failed) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (data) => (said += data));
    child.on('error', failed);
    child.on('close', (code) => (code === 0 ? done(said) : failed(new Error(`${command} ${args.join(' ')} in ${cwd} ended with ${code}.\n${said}`))));
  });
}

/** A commit in a worktree, built as far as the parts need it. */
async function build(name) {
  let commit;
  try {
    commit = git('rev-parse', '--verify', '--quiet', `${name}^{commit}`);
  } catch {
    fail(`there is no commit '${name}'.`);
  }
  const tree = join(root, '.cache/compare', commit.slice(0, 12));
  if (!existsSync(tree)) {
    mkdirSync(dirname(tree), { recursive: true });
    git('worktree', 'prune');
    git('worktree', 'add', '--quiet', '--detach', tree, commit);
  }
  console.error(`building ${name} (${commit.slice(0, 12)}) in ${tree}`);
  // Packages are found by the programs in them: they may have other names in another commit.
  const metadata = JSON.parse(await run(tree, 'cargo', 'metadata', '--no-deps', '--format-version', '1', '--locked'));
  for (const program of new Set(parts.flatMap((part) => PARTS[part].programs))) {
    const owner = metadata.packages.find(({ targets }) => targets.some((target) => target.name === program && target.kind.includes('bin')));
    if (!owner) fail(`${name} has no program '${program}'.`);
    await run(tree, 'cargo', 'build', '--quiet', '--release', '--locked', '-p', owner.name, '--bin', program);
  }
  for (const target of new Set(parts.flatMap((part) => PARTS[part].make))) await run(tree, 'make', '--no-print-directory', target);
  if (parts.includes('echo') && !existsSync(join(tree, 'tests/browser/node_modules/.package-lock.json'))) {
    await run(join(tree, 'tests/browser'), 'npm', 'ci', '--no-audit', '--no-fund');
  }
  return { name, commit, tree };
}

const keyOf = ({ value, unit, subject, ...which }) => JSON.stringify(which);
const read = (output) => output.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));

/** Every figure's values, round by round, of both commits. */
async function measure(part, sides) {
  const figures = new Map();
  for (let round = 1; round <= rounds; round += 1) {
    for (const [side, { name, tree }] of sides.entries()) {
      console.error(`${part}: round ${round} of ${rounds}, ${name}`);
      const [command, ...args] = PARTS[part].command(tree);
      for (const one of read(await run(tree, command, ...args))) {
        if (typeof one.value !== 'number') continue;
        const figure = figures.get(keyOf(one)) ?? { ...one, values: [[], []] };
        figure.values[side].push(one.value);
        figures.set(keyOf(one), figure);
      }
    }
  }
  return [...figures.values()];
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** No difference of nothing from nothing. */
const ratioOf = (one, other) => (one === other ? 1 : one / other);

// The same halves each time the same rounds are looked at (mulberry32).
let seed = 1;
function random() {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

/** How far a commit is from itself: 95 of 100 ratios between random halves of its rounds are within 1 ± this. */
function spreadOf(values) {
  const strays = [];
  for (let half = 0; half < HALVES; half += 1) {
    const shuffled = values.map((value) => [random(), value]).sort(([a], [b]) => a - b).map(([, value]) => value);
    const middle = shuffled.length >> 1;
    const ratio = ratioOf(median(shuffled.slice(0, middle)), median(shuffled.slice(middle)));
    strays.push(Math.max(ratio, 1 / ratio) - 1);
  }
  return strays.sort((a, b) => a - b)[Math.ceil(0.95 * HALVES) - 1];
}

const sides = [await build(baseName), await build(headName)];
const percent = (share) => (Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : '-');
const about = ({ values: _, value, unit, subject, ...which }) => Object.values(which).join(' ');
let beyond = 0;
for (const part of parts) {
  const figures = await measure(part, sides);
  console.error(`\n${part}: ${headName} beside ${baseName}, ${rounds} rounds of each`);
  console.error(`${'figure'.padEnd(48)}${'unit'.padStart(8)}${'base'.padStart(12)}${'head'.padStart(12)}${'ratio'.padStart(9)}${'itself'.padStart(10)}`);
  for (const figure of figures) {
    const [base, head] = figure.values;
    if (base.length === 0 || head.length === 0) {
      console.error(`${about(figure).padEnd(48)} only in ${base.length ? baseName : headName}`);
      continue;
    }
    const [was, is] = [median(base), median(head)];
    const ratio = ratioOf(is, was);
    const spread = Math.max(spreadOf(base), spreadOf(head));
    const within = Math.max(ratio, 1 / ratio) - 1 <= Math.max(TOLERANCE, spread);
    beyond += within ? 0 : 1;
    const { values: _, value, ...which } = figure;
    const rounded = (number, digits = 4) => (Number.isFinite(number) ? Number(number.toPrecision(digits)) : String(number));
    console.log(
      JSON.stringify({ part, ...which, base: rounded(was), head: rounded(is), ratio: rounded(ratio), spread: rounded(spread), within, rounds: base.length }),
    );
    console.error(
      `${about(figure).padEnd(48)}${figure.unit.padStart(8)}${String(rounded(was)).padStart(12)}${String(rounded(is)).padStart(12)}` +
        `${(Number.isFinite(ratio) ? ratio.toFixed(3) : '-').padStart(9)}${percent(spread).padStart(10)}${within ? '' : '  beyond'}`,
    );
  }
}
console.error(`\nitself: how far 95 of 100 halves of one commit's own rounds are apart. beyond: more than that, and more than ${percent(TOLERANCE)}.`);
console.error(`${beyond} beyond. The worktrees stay in .cache/compare/ for the next comparison; git worktree remove takes them away.`);
