import { power } from '../api/desktops';
import type { Desktop, PowerAction } from '../api/types';
import { confirm } from '../ui/dialog';
import type { MenuItem } from '../ui/menu';
import { notify } from '../ui/notices';

/** Question before a power action: title, text and label of the confirming button. */
interface Confirmation {
  readonly title: string;
  readonly text: string;
  readonly action: string;
}

const UNSAVED = 'Programs on it are closed, and work that is not saved there is lost.';

/** Returns the question for an action; `null` if no unsaved work can be lost. */
function confirmation(action: PowerAction, name: string): Confirmation | null {
  switch (action) {
    case 'start':
      return null;
    case 'stop':
      return { title: `Stop ${name}?`, text: `The desktop shuts down. ${UNSAVED}`, action: 'Stop' };
    case 'restart':
      return { title: `Restart ${name}?`, text: `The desktop shuts down and starts again. ${UNSAVED}`, action: 'Restart' };
    case 'reset':
      return {
        title: `Reset ${name}?`,
        text: 'This is the reset button: nothing on the desktop gets a chance to save. Use it when the desktop no longer answers.',
        action: 'Reset',
      };
    case 'force-stop':
      return {
        title: `Pull the plug of ${name}?`,
        text: 'The desktop is switched off at once: nothing on it gets a chance to save. Use it when stopping does not work.',
        action: 'Pull the plug',
      };
  }
}

/**
 * Starts a power action after a confirmation, where unsaved work can be lost. Returns whether the action was started;
 * errors are shown as a notice.
 */
export async function requestPowerAction(desktop: Desktop, action: PowerAction): Promise<boolean> {
  const question = confirmation(action, desktop.name);
  if (question !== null && !(await confirm(question))) {
    return false;
  }
  try {
    await power(desktop.id, action);
    return true;
  } catch (error) {
    notify(error instanceof Error ? error.message : 'That did not work. Try again.');
    return false;
  }
}

/** Builds the entries of a power menu; `onDone` is called after each started action. */
export function powerItems(desktop: Desktop, onDone: (action: PowerAction) => void = () => undefined): MenuItem[] {
  const { state } = desktop;
  const item = (action: PowerAction, label: string, disabled: boolean, hint?: string): MenuItem => ({
    label,
    disabled,
    danger: action === 'reset' || action === 'force-stop',
    ...(hint === undefined ? {} : { hint }),
    run: () => {
      void requestPowerAction(desktop, action).then((done) => {
        if (done) {
          onDone(action);
        }
      });
    },
  });
  const on = state === 'running';
  const off = state === 'stopped' || state === 'failed';
  return [
    item('start', 'Start', !off),
    item('stop', 'Stop', !on, 'Shuts down, as by the power button'),
    item('restart', 'Restart', !on, 'Shuts down and starts again'),
    item('reset', 'Reset', !on, 'When it no longer answers'),
    item('force-stop', 'Pull the plug', off, 'When stopping does not work'),
  ];
}
