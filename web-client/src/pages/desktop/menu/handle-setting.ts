import { storedSwitch } from '../../../stored-setting';

/** Whether the menu's handle is shown at the upper edge. A window keeps it as it was until its page is loaded anew. */
export const handleShown = storedSwitch('oriel.handle');
