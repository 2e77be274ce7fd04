// The echo benchmark of another checkout: its programs, its page, its own way to open them. For compare-commits.mjs.
// Usage: echo-of.mjs CHECKOUT
import { join, resolve } from 'node:path';

const tree = resolve(process.argv[2]);
const { launch } = await import(join(tree, 'tests/browser/browser.mjs'));
const { open } = await import(join(tree, 'tests/bench/subjects/oriel.mjs'));
const { echo } = await import(join(tree, 'tests/bench/echo.mjs'));

const browser = await launch();
try {
  const view = await open(browser, 'echo');
  try {
    await echo(view, 'oriel', { keys: 60, read: 0 });
  } finally {
    await view.close();
  }
} finally {
  await browser.close();
}
