import { Choice } from '../../../ui/choice';
import { notify } from '../../../ui/notices';
import type { WorkerClient } from '../worker-client';
import { Row } from '../menu/menu-parts';
import { MAGNIFICATIONS, magnification } from './magnification';
import { freeScreen, shownScreen } from './screen-number';
import { openScreen, wasClosed } from './screen-windows';

interface ScreenSettingsProps {
  readonly worker: WorkerClient;
  readonly desktopId: string | undefined;
  /** Closes the containing menu. */
  readonly close: () => void;
}

/** Settings of the magnification and of additional screens. */
export function ScreenSettings({ worker, desktopId, close }: ScreenSettingsProps) {
  const { max } = worker.screens.value;
  const free = freeScreen(shownScreen(), worker.screens.value, wasClosed);
  const add = (): void => {
    close();
    if (desktopId !== undefined && free !== null) {
      void openScreen(desktopId, free).then((done) => {
        if (!done) {
          notify('This browser opened no window. Allow pop-up windows for this page, and try again.');
        }
      });
    }
  };
  return (
    <>
      <Choice
        legend="Size of text and pictures"
        hint="Kept for this device. 100 % is sharpest."
        options={MAGNIFICATIONS.map((value) => [value, `${value * 100} %`] as const)}
        value={magnification.value}
        onChange={(value) => {
          magnification.value = value;
        }}
      />
      <Row
        label="Add a screen"
        hint={max === 1 ? 'This desktop has one screen only.' : `In a window of its own; up to ${max} in all.`}
        disabled={free === null || desktopId === undefined}
        onClick={add}
      />
      {shownScreen() > 0 && (
        <Row label="Close this screen" hint="Its windows move to another one." onClick={() => window.close()} />
      )}
    </>
  );
}
