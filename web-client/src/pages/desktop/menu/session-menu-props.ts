import type { Desktop, PowerAction } from '../../../api/types';
import type { DesktopSession } from '../desktop-session';

/** What the session menu and its parts show and change. */
export interface SessionMenuProps {
  readonly desktopSession: DesktopSession;
  /** Record of the desktop; `undefined` until the list of desktops is loaded. */
  readonly desktop: Desktop | undefined;
  /** Whether the user may only watch. */
  readonly watching: boolean;
  /** Whether everything is sent as video. */
  readonly videoOnly: boolean;
  readonly onVideoOnly: (on: boolean) => void;
  /** Called after a power action was started. */
  readonly onPower: (action: PowerAction) => void;
  /** Opens the clipboard dialog. */
  readonly onClipboard: () => void;
}
