import { storedSwitch } from '../../../stored-setting';

/** Whether the guest's screens follow the windows that show them: it depends on the monitor. */
export const fitsWindow = storedSwitch('oriel.fit').syncAcrossWindows();
