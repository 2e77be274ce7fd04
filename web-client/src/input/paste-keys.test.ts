import { describe, expect, it } from 'vitest';
import { type PasteKey, isPasteShortcut } from './paste-keys';

const NO_KEY: PasteKey = {
  code: '', key: '', repeat: false, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false,
};

describe('paste shortcut', () => {
  it('is Ctrl+V, Ctrl+Shift+V, Cmd+V or Shift+Insert', () => {
    for (const keys of [
      { code: 'KeyV', key: 'v', ctrlKey: true },
      { code: 'KeyV', key: 'V', ctrlKey: true, shiftKey: true },
      { code: 'Period', key: 'v', ctrlKey: true },
      { code: 'KeyV', key: 'v', metaKey: true },
      { code: 'Insert', key: 'Insert', shiftKey: true },
    ]) {
      expect(isPasteShortcut({ ...NO_KEY, ...keys })).toBe(true);
    }
    for (const keys of [
      { code: 'KeyV', key: 'v' },
      { code: 'KeyV', key: 'v', ctrlKey: true, repeat: true },
      { code: 'KeyV', key: 'v', ctrlKey: true, altKey: true },
      { code: 'KeyC', key: 'c', ctrlKey: true },
      { code: 'Insert', key: 'Insert', ctrlKey: true },
    ]) {
      expect(isPasteShortcut({ ...NO_KEY, ...keys })).toBe(false);
    }
  });
});
