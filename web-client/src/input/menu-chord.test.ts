import { describe, expect, it } from 'vitest';
import { MenuChord } from './menu-chord';

function press(chord: MenuChord, ...codes: string[]): void {
  for (const code of codes) {
    chord.down({ code, repeat: false });
  }
}

describe('shortcut to the menu', () => {
  it('is the three modifiers pressed and let go, in any order', () => {
    const chord = new MenuChord();
    press(chord, 'AltRight', 'ShiftLeft', 'ControlLeft');
    chord.down({ code: 'ControlLeft', repeat: true });
    expect(chord.up({ code: 'ShiftLeft', repeat: false })).toBe(true);
    expect(chord.up({ code: 'AltRight', repeat: false })).toBe(false);
  });

  it('is not a shortcut of the desktop’s own', () => {
    const chord = new MenuChord();
    press(chord, 'ControlLeft', 'AltLeft', 'ShiftLeft', 'KeyT');
    expect(chord.up({ code: 'KeyT', repeat: false })).toBe(false);
    expect(chord.up({ code: 'ShiftLeft', repeat: false })).toBe(false);
  });

  it('is not two of them', () => {
    const chord = new MenuChord();
    press(chord, 'ControlLeft', 'AltLeft');
    expect(chord.up({ code: 'AltLeft', repeat: false })).toBe(false);
  });
});
