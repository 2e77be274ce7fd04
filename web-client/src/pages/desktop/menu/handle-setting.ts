import { storedSwitch } from '../../../stored-setting';

/**
 * Setting: whether the menu's handle is shown at the upper edge. Other open windows keep their value until they are
 * reloaded.
 */
export const handleShown = storedSwitch('oriel.handle');
