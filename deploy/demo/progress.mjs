// Runs a command and tells in percent how far it is, as building an image does: a line that is written over on a
// terminal, lines elsewhere. Cargo's progress and what npm and vite say on their way are understood. All else that the
// command prints is kept back, and its last lines are shown when it fails.
// Usage: progress.mjs WHAT COMMAND [ARGUMENT ...]
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const [what, command, ...args] = process.argv.slice(2);
const terminal = process.stdout.isTTY;
/** In a log, a line for so many percent. */
const STEP = 10;
const KEPT_LINES = 40;

// Cargo tells progress to a terminal only, unless it is asked to. It has no shorter line than a bar.
const cargo = { CARGO_TERM_PROGRESS_WHEN: 'always', CARGO_TERM_PROGRESS_WIDTH: '80', CARGO_TERM_COLOR: 'never' };
const child = spawn(command, args, { env: { ...process.env, ...cargo }, stdio: ['ignore', 'pipe', 'pipe'] });

let told = -STEP;
function tell(percent, detail) {
  const text = `${String(percent).padStart(3)} percent: ${what}${detail ? ` (${detail})` : ''}`;
  if (terminal) process.stdout.write(`\r\x1b[K${text.slice(0, (process.stdout.columns ?? 80) - 1)}${percent === 100 ? '\n' : ''}`);
  else if (percent === 100 || percent >= told + STEP) console.log(text);
  else return;
  told = percent;
}

/** What npm and vite say when a part of the page's build is done, and how much is done then. */
const MILESTONES = [
  [/^added \d+ packages/, 50, 'checking types'],
  [/^vite v\S+ building/, 75, 'bundling'],
  [/modules transformed/, 90, 'writing'],
];

const kept = [];
let fetched = 0;
function read(line) {
  const [, done, of, crates] = /^ *Building \[.*\] (\d+)\/(\d+)(?:: (.*?))?\s*$/.exec(line) ?? [];
  if (of) {
    // The end is told when the command has ended well.
    const percent = Math.min(99, Math.floor((100 * done) / of));
    if (terminal || percent > told) tell(percent, terminal && crates ? `${done} of ${of}: ${crates}` : `${done} of ${of}`);
    return;
  }
  if (!line.trim()) return;
  if (/^ +Downloaded /.test(line) && terminal) tell(0, `${(fetched += 1)} crates fetched`);
  const milestone = MILESTONES.find(([pattern]) => pattern.test(line));
  if (milestone) tell(milestone[1], milestone[2]);
  kept.push(line);
  kept.splice(0, kept.length - KEPT_LINES);
}

for (const stream of [child.stdout, child.stderr]) {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text) => {
    const lines = (rest + text).split(/[\r\n]/);
    rest = lines.pop();
    lines.forEach(read);
  });
  stream.on('end', () => read(rest));
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));

tell(0);
child.on('error', (error) => {
  console.error(`${terminal ? '\n' : ''}${command} cannot be run: ${error.message}.`);
  process.exit(1);
});
child.on('close', (code, signal) => {
  if (code === 0) {
    tell(100);
    return;
  }
  console.error(`${terminal ? '\n' : ''}${kept.join('\n')}`);
  process.exitCode = code ?? 128 + constants.signals[signal];
});
