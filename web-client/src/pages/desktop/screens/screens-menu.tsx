import { Menu, type MenuItem } from '../../../design/menu';
import { notify } from '../../../design/notices';
import type { DesktopLink } from '../desktop-link';
import { fitsWindow, setFitsWindow } from './fit-setting';
import { freeScreen, shownScreen } from './which-screen';
import { openScreen, wasClosed } from './windows';

interface ScreensMenuProps {
  readonly link: DesktopLink;
  readonly desktopId: string | undefined;
}

/** How large the guest's screen is, and how many there are. */
export function ScreensMenu({ link, desktopId }: ScreensMenuProps) {
  const { max } = link.screens.value;
  const free = freeScreen(shownScreen(), link.screens.value, wasClosed);
  const fits = fitsWindow.value;
  const add = (): void => {
    if (desktopId !== undefined && free !== null) {
      void openScreen(desktopId, free).then((done) => {
        if (!done) {
          notify('This browser opened no window. Allow pop-up windows for this page, and try again.');
        }
      });
    }
  };
  const items: MenuItem[] = [
    {
      label: 'Fit the window',
      hint: fits ? 'The desktop is as large as this window.' : 'The desktop keeps its size and is scaled.',
      checked: fits,
      run: () => setFitsWindow(!fits),
    },
    {
      label: 'Add a screen',
      hint: max === 1 ? 'This desktop has one screen only.' : `In a window of its own; up to ${max} in all.`,
      disabled: free === null || desktopId === undefined,
      run: add,
    },
  ];
  if (shownScreen() > 0) {
    items.push({ label: 'Close this screen', hint: 'Its windows move to another one.', run: () => window.close() });
  }
  return (
    <Menu label="Screens" icon="screens" items={items}>
      <span class="tool-label">Screens</span>
    </Menu>
  );
}
