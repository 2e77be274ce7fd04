import { describe, expect, it } from 'vitest';
import { MenuShortcut } from './menu-shortcut';

function press(shortcut: MenuShortcut, ...codes: string[]): void {
  for (const code of codes) {
    shortcut.down({ code, repeat: false });
  }
}

describe('menu shortcut', () => {
  it('is the three modifiers pressed and released, in any order', () => {
    const shortcut = new MenuShortcut();
    press(shortcut, 'AltRight', 'ShiftLeft', 'ControlLeft');
    shortcut.down({ code: 'ControlLeft', repeat: true });
    expect(shortcut.up({ code: 'ShiftLeft', repeat: false })).toBe(true);
    expect(shortcut.up({ code: 'AltRight', repeat: false })).toBe(false);
  });

  it('is not detected with a further key', () => {
    const shortcut = new MenuShortcut();
    press(shortcut, 'ControlLeft', 'AltLeft', 'ShiftLeft', 'KeyT');
    expect(shortcut.up({ code: 'KeyT', repeat: false })).toBe(false);
    expect(shortcut.up({ code: 'ShiftLeft', repeat: false })).toBe(false);
  });

  it('is not detected with two modifiers', () => {
    const shortcut = new MenuShortcut();
    press(shortcut, 'ControlLeft', 'AltLeft');
    expect(shortcut.up({ code: 'AltLeft', repeat: false })).toBe(false);
  });
});
