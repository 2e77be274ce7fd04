import { describe, expect, it } from 'vitest';
import { keycodeByKey } from './characters';
import { keycode } from './keycodes';

/** W3C codes of a full keyboard in the order of Linux' `KEY_*` from 1 on. */
const IN_KERNEL_ORDER = `
  Escape Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal Backspace
  Tab KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter
  ControlLeft KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backquote
  ShiftLeft Backslash KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash ShiftRight
  NumpadMultiply AltLeft Space CapsLock F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock
  Numpad7 Numpad8 Numpad9 NumpadSubtract Numpad4 Numpad5 Numpad6 NumpadAdd
  Numpad1 Numpad2 Numpad3 Numpad0 NumpadDecimal`
  .trim()
  .split(/\s+/);

describe('key codes', () => {
  it('equal those of Linux for the main block and the numeric pad', () => {
    expect(IN_KERNEL_ORDER.map((code) => keycode(code))).toEqual(IN_KERNEL_ORDER.map((_, index) => index + 1));
  });

  it.each([
    ['Lang5', 85],
    ['IntlBackslash', 86],
    ['F11', 87],
    ['F12', 88],
    ['IntlRo', 89],
    ['Lang3', 90],
    ['Lang4', 91],
    ['Convert', 92],
    ['KanaMode', 93],
    ['NonConvert', 94],
    ['NumpadEnter', 96],
    ['ControlRight', 97],
    ['NumpadDivide', 98],
    ['PrintScreen', 99],
    ['AltRight', 100],
    ['Home', 102],
    ['ArrowUp', 103],
    ['PageUp', 104],
    ['ArrowLeft', 105],
    ['ArrowRight', 106],
    ['End', 107],
    ['ArrowDown', 108],
    ['PageDown', 109],
    ['Insert', 110],
    ['Delete', 111],
    ['AudioVolumeMute', 113],
    ['AudioVolumeDown', 114],
    ['AudioVolumeUp', 115],
    ['Power', 116],
    ['NumpadEqual', 117],
    ['Pause', 119],
    ['NumpadComma', 121],
    ['Lang1', 122],
    ['Lang2', 123],
    ['IntlYen', 124],
    ['MetaLeft', 125],
    ['MetaRight', 126],
    ['ContextMenu', 127],
    ['BrowserBack', 158],
    ['MediaTrackNext', 163],
    ['MediaPlayPause', 164],
    ['F13', 183],
    ['F24', 194],
  ])('map %s to %i', (code, expected) => {
    expect(keycode(code)).toBe(expected);
  });

  it('are undefined where Linux has none', () => {
    expect(keycode('Unidentified')).toBeUndefined();
    expect(keycode('')).toBeUndefined();
  });
});

describe('key codes of events without a code', () => {
  it('are found by the character or name of the key', () => {
    expect(keycodeByKey('a')).toBe(30);
    expect(keycodeByKey('A')).toBe(30);
    expect(keycodeByKey('@')).toBe(3);
    expect(keycodeByKey('Enter')).toBe(28);
    expect(keycodeByKey('AltGraph')).toBe(100);
    expect(keycodeByKey('Unidentified')).toBeUndefined();
  });
});
