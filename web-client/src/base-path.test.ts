import { expect, test } from 'vitest';
import { onOrigin, withinApplication } from './base-path';

test('an application at the root has the paths of its origin', () => {
  expect(onOrigin('/api/session', '/')).toBe('/api/session');
  expect(onOrigin('/', '/')).toBe('/');
  expect(withinApplication('/desktop/a', '/')).toBe('/desktop/a');
  expect(withinApplication('/', '/')).toBe('/');
});

test('an application below a path keeps to it', () => {
  expect(onOrigin('/api/session', '/vdi/')).toBe('/vdi/api/session');
  expect(onOrigin('/', '/vdi/')).toBe('/vdi/');
  expect(withinApplication('/vdi/desktop/a', '/vdi/')).toBe('/desktop/a');
  expect(withinApplication('/vdi/', '/vdi/')).toBe('/');
  expect(withinApplication('/elsewhere', '/vdi/')).toBe('/');
});
