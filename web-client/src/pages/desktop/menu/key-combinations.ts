import { MENU_SHORTCUT } from '../../../input/menu-shortcut';
import { keycode } from '../../../input/keycodes';

/** Combinations that the user's system or browser intercepts: label, and DOM codes in the order of pressing. */
const COMBINATIONS: readonly (readonly [label: string, codes: readonly string[]])[] = [
  ['Ctrl+Alt+Del', ['ControlLeft', 'AltLeft', 'Delete']],
  ['Super', ['MetaLeft']],
  ['Alt+Tab', ['AltLeft', 'Tab']],
  ['Alt+F4', ['AltLeft', 'F4']],
  ['Ctrl+W', ['ControlLeft', 'KeyW']],
  ['Print', ['PrintScreen']],
  ['Esc', ['Escape']],
  [MENU_SHORTCUT, ['ControlLeft', 'AltLeft', 'ShiftLeft']],
];

/** Key combination that can be sent from the menu. */
export interface KeyCombination {
  /** Label. */
  readonly label: string;
  /** Linux key codes in the order of pressing. */
  readonly codes: readonly number[];
}

/** Key combinations in the order of their display. */
export const KEY_COMBINATIONS: readonly KeyCombination[] = COMBINATIONS.map(([label, codes]) => ({
  label,
  codes: codes.map(keycode).filter((code) => code !== undefined),
}));
