import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Keyboard, type KeyInput, type Platform, platformOf } from './keyboard';

const CTRL = 29;
const SHIFT = 42;
const ALT_GR = 100;
const META = 125;
const CAPS = 58;
const A = 30;
const C = 46;
const Q = 16;

function event(code: string, fields: Partial<KeyInput> = {}): KeyInput {
  return {
    code,
    key: '',
    repeat: false,
    timeStamp: 1000,
    shiftKey: false,
    ctrlKey: false,
    altKey: false,
    metaKey: false,
    getModifierState: () => false,
    ...fields,
  };
}

/** Log of the sent presses and releases, as `+code` and `-code`. */
function listen(platform: Platform): { readonly keyboard: Keyboard; readonly sent: string[] } {
  const sent: string[] = [];
  const keyboard = new Keyboard(platform, (code, down) => sent.push(`${down ? '+' : '-'}${code}`));
  return { keyboard, sent };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('keyboard', () => {
  it('sends presses and releases, and no repeats', () => {
    const { keyboard, sent } = listen('other');
    keyboard.down(event('KeyA'));
    keyboard.down(event('KeyA', { repeat: true }));
    keyboard.down(event('KeyA', { repeat: true }));
    keyboard.up(event('KeyA'));
    expect(sent).toEqual([`+${A}`, `-${A}`]);
  });

  it('sends no release without a press', () => {
    const { keyboard, sent } = listen('other');
    keyboard.up(event('KeyA'));
    expect(sent).toEqual([]);
  });

  it('identifies a key without a code by its name, for its release too', () => {
    const { keyboard, sent } = listen('other');
    keyboard.down(event('', { key: 'a' }));
    keyboard.up(event('', { key: 'a' }));
    expect(sent).toEqual([`+${A}`, `-${A}`]);
  });

  it('releases a modifier whose release was lost', () => {
    const { keyboard, sent } = listen('other');
    keyboard.down(event('ShiftLeft', { shiftKey: true }));
    keyboard.down(event('KeyA', { shiftKey: false }));
    expect(sent).toEqual([`+${SHIFT}`, `-${SHIFT}`, `+${A}`]);
  });

  it('keeps AltGr pressed while the browser reports AltGraph', () => {
    const { keyboard, sent } = listen('other');
    keyboard.down(event('AltRight', { getModifierState: (key) => key === 'AltGraph' }));
    keyboard.down(event('KeyQ', { getModifierState: (key) => key === 'AltGraph' }));
    expect(sent).toEqual([`+${ALT_GR}`, `+${Q}`]);
  });

  it('clears the pressed keys at a reset', () => {
    const { keyboard, sent } = listen('other');
    keyboard.down(event('KeyA'));
    keyboard.reset();
    keyboard.up(event('KeyA'));
    expect(sent).toEqual([`+${A}`]);
  });
});

describe('keyboard on Windows', () => {
  it('sends AltGr without the ControlLeft that Windows adds', () => {
    const { keyboard, sent } = listen('windows');
    keyboard.down(event('ControlLeft', { ctrlKey: true }));
    keyboard.down(event('AltRight', { ctrlKey: true, altKey: true }));
    keyboard.down(event('KeyQ', { ctrlKey: true, altKey: true, timeStamp: 1080 }));
    keyboard.up(event('KeyQ', { ctrlKey: true, altKey: true }));
    keyboard.up(event('ControlLeft', { altKey: true }));
    keyboard.up(event('AltRight'));
    vi.runAllTimers();
    expect(sent).toEqual([`+${ALT_GR}`, `+${Q}`, `-${Q}`, `-${ALT_GR}`]);
  });

  it('sends a ControlLeft that was pressed before AltGr', () => {
    const { keyboard, sent } = listen('windows');
    keyboard.down(event('ControlLeft', { ctrlKey: true }));
    keyboard.down(event('AltRight', { ctrlKey: true, altKey: true, timeStamp: 1300 }));
    expect(sent).toEqual([`+${CTRL}`, `+${ALT_GR}`]);
  });

  it('sends a delayed ControlLeft before the next key, or after a timeout', () => {
    const { keyboard, sent } = listen('windows');
    keyboard.down(event('ControlLeft', { ctrlKey: true }));
    keyboard.down(event('KeyC', { ctrlKey: true, timeStamp: 1001 }));
    expect(sent).toEqual([`+${CTRL}`, `+${C}`]);

    const alone = listen('windows');
    alone.keyboard.down(event('ControlLeft', { ctrlKey: true }));
    vi.runAllTimers();
    alone.keyboard.up(event('ControlLeft'));
    expect(alone.sent).toEqual([`+${CTRL}`, `-${CTRL}`]);
  });

  it('sends PrintScreen although only its release is reported', () => {
    const { keyboard, sent } = listen('windows');
    keyboard.up(event('PrintScreen'));
    expect(sent).toEqual(['+99', '-99']);
  });
});

describe('keyboard on macOS', () => {
  it('releases keys pressed with Command at once, as macOS does not report it', () => {
    const { keyboard, sent } = listen('mac');
    keyboard.down(event('MetaLeft', { metaKey: true }));
    keyboard.down(event('KeyC', { metaKey: true }));
    keyboard.up(event('MetaLeft'));
    expect(sent).toEqual([`+${META}`, `+${C}`, `-${C}`, `-${META}`]);
  });

  it('sends press and release of CapsLock on each of its events', () => {
    const { keyboard, sent } = listen('mac');
    keyboard.down(event('CapsLock'));
    keyboard.up(event('CapsLock'));
    expect(sent).toEqual([`+${CAPS}`, `-${CAPS}`, `+${CAPS}`, `-${CAPS}`]);
  });
});

describe('platform', () => {
  it('is derived from the user agent', () => {
    expect(platformOf('Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140')).toBe('windows');
    expect(platformOf('Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari')).toBe('mac');
    expect(platformOf('Mozilla/5.0 (X11; Linux x86_64) Firefox/140')).toBe('other');
  });
});
