/**
 * Physical keys: `KeyboardEvent.code` (W3C UI Events KeyboardEvent code Values) to Linux `KEY_*`
 * (input-event-codes.h). The layout in the guest determines the characters.
 */
/** Rows of letter keys: their codes without `Key`, and the key code of the first. */
const LETTER_ROWS: readonly (readonly [keys: string, first: number])[] = [
  ['QWERTYUIOP', 16],
  ['ASDFGHJKL', 30],
  ['ZXCVBNM', 44],
];

/** Linux key codes by DOM code. */
const KEYCODES = new Map<string, number>(
  Object.entries({
    // Writing system keys
    Backquote: 41,
    Minus: 12,
    Equal: 13,
    BracketLeft: 26,
    BracketRight: 27,
    Backslash: 43,
    IntlHash: 43,
    Semicolon: 39,
    Quote: 40,
    Comma: 51,
    Period: 52,
    Slash: 53,
    IntlBackslash: 86,
    IntlRo: 89,
    IntlYen: 124,
    Digit0: 11,
    // Functional keys
    Escape: 1,
    Backspace: 14,
    Tab: 15,
    Enter: 28,
    Space: 57,
    CapsLock: 58,
    ShiftLeft: 42,
    ShiftRight: 54,
    ControlLeft: 29,
    ControlRight: 97,
    AltLeft: 56,
    AltRight: 100,
    MetaLeft: 125,
    MetaRight: 126,
    OSLeft: 125,
    OSRight: 126,
    ContextMenu: 127,
    Fn: 464,
    F11: 87,
    F12: 88,
    PrintScreen: 99,
    ScrollLock: 70,
    Pause: 119,
    // Japanese and Korean keys
    Convert: 92,
    NonConvert: 94,
    KanaMode: 93,
    Lang1: 122,
    Lang2: 123,
    Lang3: 90,
    Lang4: 91,
    Lang5: 85,
    // Control pad and arrows
    Insert: 110,
    Delete: 111,
    Home: 102,
    End: 107,
    PageUp: 104,
    PageDown: 109,
    ArrowUp: 103,
    ArrowDown: 108,
    ArrowLeft: 105,
    ArrowRight: 106,
    Help: 138,
    // Numeric pad
    NumLock: 69,
    Numpad0: 82,
    Numpad1: 79,
    Numpad2: 80,
    Numpad3: 81,
    Numpad4: 75,
    Numpad5: 76,
    Numpad6: 77,
    Numpad7: 71,
    Numpad8: 72,
    Numpad9: 73,
    NumpadAdd: 78,
    NumpadSubtract: 74,
    NumpadMultiply: 55,
    NumpadStar: 55,
    NumpadDivide: 98,
    NumpadDecimal: 83,
    NumpadComma: 121,
    NumpadEnter: 96,
    NumpadEqual: 117,
    NumpadParenLeft: 179,
    NumpadParenRight: 180,
    NumpadChangeSign: 118,
    NumpadBackspace: 14,
    NumpadClear: 355,
    // Media, browser and system keys
    AudioVolumeMute: 113,
    AudioVolumeDown: 114,
    AudioVolumeUp: 115,
    VolumeMute: 113,
    VolumeDown: 114,
    VolumeUp: 115,
    MicrophoneMuteToggle: 248,
    MediaPlayPause: 164,
    MediaPlay: 207,
    MediaPause: 201,
    MediaStop: 166,
    MediaTrackNext: 163,
    MediaTrackPrevious: 165,
    MediaFastForward: 208,
    MediaRewind: 168,
    MediaRecord: 167,
    MediaSelect: 171,
    Eject: 161,
    BrowserBack: 158,
    BrowserForward: 159,
    BrowserRefresh: 173,
    BrowserStop: 128,
    BrowserSearch: 217,
    BrowserFavorites: 156,
    BrowserHome: 172,
    LaunchMail: 155,
    LaunchApp1: 144,
    LaunchApp2: 140,
    LaunchControlPanel: 579,
    LaunchScreenSaver: 581,
    LaunchAssistant: 583,
    SelectTask: 580,
    ShowAllWindows: 120,
    ZoomToggle: 372,
    MailSend: 231,
    MailReply: 232,
    MailForward: 233,
    BrightnessDown: 224,
    BrightnessUp: 225,
    DisplayToggleIntExt: 227,
    KeyboardBacklightToggle: 228,
    KeyboardBacklightDown: 229,
    KeyboardBacklightUp: 230,
    Power: 116,
    Sleep: 142,
    Suspend: 205,
    WakeUp: 143,
    // Editing keys of older keyboards
    Again: 129,
    Props: 130,
    Undo: 131,
    Copy: 133,
    Open: 134,
    Paste: 135,
    Find: 136,
    Cut: 137,
    Redo: 182,
    Select: 353,
  }),
);
for (const [keys, first] of LETTER_ROWS) {
  Array.from(keys).forEach((letter, index) => KEYCODES.set(`Key${letter}`, first + index));
}
for (let n = 1; n <= 9; n += 1) {
  KEYCODES.set(`Digit${n}`, n + 1);
}
for (let n = 1; n <= 10; n += 1) {
  KEYCODES.set(`F${n}`, n + 58);
}
for (let n = 13; n <= 24; n += 1) {
  KEYCODES.set(`F${n}`, n + 170);
}

/** Returns the Linux `KEY_*` code for a `KeyboardEvent.code`; `undefined` if there is none. */
export function keycode(code: string): number | undefined {
  return KEYCODES.get(code);
}

/** `KEY_LEFTSHIFT`. */
export const KEY_SHIFT_LEFT = 42;
/** `KEY_RIGHTALT`. */
export const KEY_ALTGR = 100;
/** `KEY_BACKSPACE`. */
export const KEY_BACKSPACE = 14;
/** `KEY_CAPSLOCK`. */
export const KEY_CAPS_LOCK = 58;
/** `KEY_NUMLOCK`. */
export const KEY_NUM_LOCK = 69;
