import { storedSwitch } from '../../../stored-setting';

/**
 * Setting: whether the guest's screens follow the size of their windows. It is stored on the device, since it depends
 * on the monitor.
 */
export const fitsWindow = storedSwitch('oriel.fit').syncAcrossWindows();
