import type { Desktop, PowerAction } from '../../../api/types';
import type { DesktopSession } from '../desktop-session';

/** Properties of the session menu and its parts. */
export interface SessionMenuProps {
  /** Session of the desktop. */
  readonly desktopSession: DesktopSession;
  /** Record of the desktop; `undefined` until the list of desktops is loaded. */
  readonly desktop: Desktop | undefined;
  /** Whether inputs are not accepted. */
  readonly watching: boolean;
  /** Whether everything is sent as video. */
  readonly videoOnly: boolean;
  /** Called when the user switches whether everything is sent as video. */
  readonly onVideoOnly: (on: boolean) => void;
  /** Called after a power action was started. */
  readonly onPower: (action: PowerAction) => void;
  /** Opens the clipboard dialog. */
  readonly onClipboard: () => void;
}
