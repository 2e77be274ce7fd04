import { StoredSetting } from '../../../stored-setting';

/** Choices of the magnification: device pixels per guest pixel of a screen that follows its window. */
export const MAGNIFICATIONS = [1, 1.5, 2] as const;

/** Setting: magnification of the guest's screen. It is stored on the device, since it depends on the monitor. */
export const magnification = new StoredSetting<number>({
  key: 'oriel.magnification',
  read: (stored) => MAGNIFICATIONS.find((value) => value === Number(stored)) ?? 1,
  write: String,
}).syncAcrossWindows();
