// The files of the project, as git lists them: those of a clean checkout and new ones that are not ignored.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

const all = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
  .split('\0')
  .filter((file) => file !== '' && existsSync(join(root, file)));

/** The paths, from the project's root, that a pattern matches. */
export const files = (pattern) => all.filter((file) => pattern.test(file));

export const read = (file) => readFileSync(join(root, file), 'utf8');
