// Checks every Markdown document of the repository: links to files and to headings lead somewhere, paths in backticks
// exist, and each page of docs/ is in the book's summary. Prints `ok - ` and `not ok - ` lines.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .split('\n').filter((path) => path && existsSync(join(root, path)));
const files = new Set(tracked);
const folders = new Set();
for (const path of tracked) for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder);
const exists = (path) => files.has(path) || folders.has(path) || path === '.';

const text = new Map();
const read = (path) => {
  if (!text.has(path)) text.set(path, readFileSync(join(root, path), 'utf8'));
  return text.get(path);
};
const withoutCode = (markdown) => markdown.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');

/** The anchor of a heading, as GitHub and mdBook make it. */
const slug = (heading) => heading.replace(/`|\*/g, '').replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').trim().toLowerCase()
  .replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
const anchors = (path) => new Set([...read(path).matchAll(/^#{1,6} +(.*)$/gm)].map(([, heading]) => slug(heading)));

/** Top-level folders: a backticked word that begins with one of them is taken for a path. */
const isPath = /^(?:server|vmm|display|web-client|auth|deploy|tests|docs)\/[\w./@-]+$/;
const built = /^(?:web-client\/dist|tests\/fuzz\/(?:corpus|artifacts|target))/;

const faults = [];
let links = 0;
for (const page of tracked.filter((path) => path.endsWith('.md') && path !== 'THIRD_PARTY.md')) {
  const fault = (what) => faults.push(`${page}: ${what}`);
  for (const [, target] of withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    links += 1;
    const [path, anchor] = target.split('#');
    const file = path === '' ? page : normalize(join(dirname(page), path)).replace(/\/$/, '');
    if (!exists(file)) fault(`the link ${target} leads nowhere`);
    else if (anchor && file.endsWith('.md') && !anchors(file).has(anchor)) fault(`the link ${target} names no heading`);
  }
  if (page === 'CHANGELOG.md') continue;
  for (const [, code] of read(page).matchAll(/`([^`\n]+)`/g)) {
    const path = code.replace(/\/$/, '');
    if (isPath.test(path) && !built.test(path) && !exists(path)) fault(`there is no ${code}`);
  }
}
const summary = new Set([...read('docs/SUMMARY.md').matchAll(/\]\(([^)]+)\)/g)].map(([, path]) => `docs/${path}`));
for (const page of tracked.filter((path) => /^docs\/.*\.md$/.test(path) && path !== 'docs/SUMMARY.md')) {
  if (!summary.has(page)) faults.push(`${page} is not in docs/SUMMARY.md`);
}

for (const fault of faults) console.log(`not ok - ${fault}`);
if (faults.length === 0) console.log(`ok - ${links} links of the documents lead somewhere, and paths in them exist`);
const lines = read('README.md').trimEnd().split('\n').length;
console.log(lines <= 110 ? `ok - README.md has ${lines} lines` : `not ok - README.md has ${lines} lines, at most 110 are wanted`);
process.exitCode = faults.length > 0 || lines > 110 ? 1 : 0;
