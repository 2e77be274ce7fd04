import { MENU_SHORTCUT } from '../../../input/menu-shortcut';
import { keycode } from '../../../input/keycodes';

/** Keys that the user's own system or browser keeps to itself, by the label that people know. */
const COMBINATIONS: readonly (readonly [label: string, places: readonly string[]])[] = [
  ['Ctrl+Alt+Del', ['ControlLeft', 'AltLeft', 'Delete']],
  ['Super', ['MetaLeft']],
  ['Alt+Tab', ['AltLeft', 'Tab']],
  ['Alt+F4', ['AltLeft', 'F4']],
  ['Ctrl+W', ['ControlLeft', 'KeyW']],
  ['Print', ['PrintScreen']],
  ['Esc', ['Escape']],
  [MENU_SHORTCUT, ['ControlLeft', 'AltLeft', 'ShiftLeft']],
];

export interface KeyCombination {
  readonly label: string;
  /** `KEY_*`, in the order of their pressing. */
  readonly codes: readonly number[];
}

export const KEY_COMBINATIONS: readonly KeyCombination[] = COMBINATIONS.map(([label, places]) => ({
  label,
  codes: places.map(keycode).filter((code) => code !== undefined),
}));
