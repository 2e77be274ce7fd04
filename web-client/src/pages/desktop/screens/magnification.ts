import { StoredSetting } from '../../../stored-setting';

/** Device pixels for each pixel of a screen that follows its window. */
export const MAGNIFICATIONS = [1, 1.5, 2] as const;

/** How large things are shown: it depends on the monitor and the eyes before it. */
export const magnification = new StoredSetting<number>({
  key: 'oriel.magnification',
  read: (stored) => MAGNIFICATIONS.find((value) => value === Number(stored)) ?? 1,
  write: String,
}).syncAcrossWindows();
