import { expect, it } from 'vitest';

/** Text of every source file, by its path from `src/`. */
const sources = import.meta.glob<string>('./**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true });

const IMPORT = /(?:from|import)\s*\(?\s*'(\.[^'?]+)/g;

/** Paths of the files that `path` imports, types included. */
function importsOf(path: string): string[] {
  const base = new URL(path, 'file:///');
  return [...(sources[path] ?? '').matchAll(IMPORT)].flatMap(([, specifier = '']) => {
    const target = `.${new URL(specifier, base).pathname}`;
    return [target, `${target}.ts`, `${target}.tsx`].filter((candidate) => candidate in sources);
  });
}

/** First cycle of imports that is reachable from `path`, as the list of its files; `null` when there is none. */
function findCycle(path: string, ancestors: readonly string[], visited: Set<string>): string[] | null {
  const start = ancestors.indexOf(path);
  if (start >= 0) {
    return [...ancestors.slice(start), path];
  }
  if (visited.has(path)) {
    return null;
  }
  visited.add(path);
  for (const imported of importsOf(path)) {
    const cycle = findCycle(imported, [...ancestors, path], visited);
    if (cycle !== null) {
      return cycle;
    }
  }
  return null;
}

it('has no cycles of imports', () => {
  expect(importsOf('./main.tsx')).toContain('./app.tsx');
  const visited = new Set<string>();
  for (const path of Object.keys(sources)) {
    expect(findCycle(path, [], visited)).toBeNull();
  }
});
