// No circle of modules: within a crate a file needs only files that do not need it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { files, read } from './files.mjs';

/** A crate's modules by their path from the crate's root, such as `pipeline::scan`. Roots and tests are not looked at. */
function modulesOf(source) {
  const found = new Map();
  for (const file of files(/\.rs$/)) {
    if (!file.startsWith(source)) continue;
    const path = file.slice(source.length, -'.rs'.length).replace(/\/mod$/, '').split('/');
    if (path.join() === 'lib' || path.join() === 'main' || path.some((part) => /(^|_)tests?(_|$)/.test(part))) continue;
    found.set(path.join('::'), file);
  }
  return found;
}

/** `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`. */
function expanded(path) {
  const open = path.indexOf('{');
  if (open < 0) return [path];
  const parts = [''];
  let depth = 0;
  for (const character of path.slice(open + 1, path.lastIndexOf('}'))) {
    if (character === '{') depth += 1;
    if (character === '}') depth -= 1;
    if (character === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts.filter(Boolean).flatMap((part) => expanded(path.slice(0, open) + part));
}

function pathsIn(file) {
  const text = read(file).replace(/\/\/.*/g, '').replace(/#\[cfg\(test\)\]\s*mod \w+ \{[\s\S]*/, '');
  const imported = [...text.matchAll(/\buse ((?:crate|super|self)::[^;]+);/g)].map(([, path]) => path.replace(/\s+/g, ''));
  const named = [...text.replace(/\buse [^;]+;/g, '').matchAll(/(?<![\w:])(?:crate|super)(?:::\w+)+/g)].map(([path]) => path);
  return [...imported, ...named].flatMap(expanded);
}

/** What each module needs. That a module has parts does not count: it is made of them. */
function needs(modules) {
  const edges = new Map();
  for (const [name, file] of modules) {
    const to = new Set();
    for (const path of pathsIn(file)) {
      let [first, ...rest] = path.split('::');
      let base = first === 'crate' ? [] : name.split('::');
      while (first === 'super') {
        base = base.slice(0, -1);
        first = rest[0];
        if (first === 'super') rest = rest.slice(1);
      }
      const parts = [...base, ...rest];
      while (parts.length > 0 && !modules.has(parts.join('::'))) parts.pop();
      const target = parts.join('::');
      if (target && target !== name && !target.startsWith(`${name}::`)) to.add(target);
    }
    edges.set(name, to);
  }
  return edges;
}

/** The shortest way from a module back to itself; null without one. */
function circle(edges, start) {
  const ways = new Map([[start, [start]]]);
  for (const [at, way] of ways) {
    for (const to of edges.get(at) ?? []) {
      if (to === start) return [...way, start];
      if (!ways.has(to)) ways.set(to, [...way, to]);
    }
  }
  return null;
}

const sources = [...new Set(files(/\/src\/.*\.rs$/).map((file) => file.slice(0, file.indexOf('/src/') + '/src/'.length)))];
for (const source of sources.filter((path) => !path.startsWith('tests/'))) {
  test(`no circle of modules in ${source}`, () => {
    const edges = needs(modulesOf(source));
    const circles = [...edges.keys()].map((name) => circle(edges, name)).filter(Boolean);
    assert.deepEqual(circles.map((way) => way.join(' → ')), []);
  });
}
