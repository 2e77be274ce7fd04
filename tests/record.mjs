// Passes on what a test suite prints, keeps it in LOG, and adds to TIMES what took how long:
// seconds, suite and test, separated by tabs.
// Usage: COMMAND 2>&1 | node record.mjs SUITE LOG TIMES
import { appendFileSync, createWriteStream } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';

const [suite, logFile, timesFile] = process.argv.slice(2);
const log = createWriteStream(logFile);
const times = [];
const took = (seconds, name) => times.push(`${seconds.toFixed(3)}\t${suite}\t${name}\n`);

let program = '';
let tapTest = null;
let section = '';
let last = Date.now();

function read(line) {
  let found;
  // cargo test: `Running tests/it/main.rs (target/release/deps/it-0123456789abcdef)`, then its tests.
  if ((found = /^ +Running (\S.*) \(.*\/([^/]+)-[0-9a-f]{16}\)$/.exec(line))) program = `${found[2]} (${found[1]})`;
  else if ((found = /^ +Doc-tests (\S+)$/.exec(line))) program = `${found[1]} (examples in its documentation)`;
  else if ((found = /^test result: .* (\d+) passed;.* finished in ([0-9.]+)s$/.exec(line))) took(Number(found[2]), `${program}, ${found[1]} tests`);
  // node --test in TAP: the duration follows the result.
  else if ((found = /^ *(?:not )?ok \d+ - (.*?)(?: # .*)?$/.exec(line))) tapTest = found[1];
  else if (tapTest && (found = /^ +duration_ms: ([0-9.]+)$/.exec(line))) {
    took(Number(found[1]) / 1000, section + tapTest);
    tapTest = null;
  }
  // tests/run.sh tells the browser between two runs of node.
  else if ((found = /^--- (\S+)$/.exec(line))) section = `${found[1]}: `;
  // vitest, verbose.
  else if ((found = /^ *[✓×] (\S+\.test\.tsx?) > (.*?) (\d+)ms$/.exec(line))) took(Number(found[3]) / 1000, `${basename(found[1])}: ${found[2]}`);
  // Scripts print a line when a check is done. Fuzz targets run side by side for a time that is set.
  else if ((found = /^ *(?:not )?ok - (.*)$/.exec(line))) {
    const now = Date.now();
    if (suite !== 'fuzz') took((now - last) / 1000, found[1]);
    last = now;
  }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  process.stdout.write(`${line}\n`);
  log.write(`${line}\n`);
  // eslint-disable-next-line no-control-regex
  read(line.replace(/\x1b\[[0-9;]*m/g, ''));
}
log.end();
appendFileSync(timesFile, times.join(''));
