import type { Desktop, PowerAction } from '../../../api/types';
import { hasTouch } from '../../../support';
import { notifyOnFailure } from '../../../ui/notices';
import { powerItems } from '../../power-items';
import type { DesktopSession } from '../desktop-session';
import { ScreenSettings } from '../screens/screen-settings';
import { handleShown } from './handle-setting';
import { KEY_COMBINATIONS } from './key-combinations';
import { MenuSection, Row } from './menu-parts';
import type { SessionMenuProps } from './session-menu-props';

/** Section with the settings of screens. */
export function ScreenSection({ desktopSession, desktopId }: { readonly desktopSession: DesktopSession; readonly desktopId: string | undefined }) {
  return (
    <MenuSection title="Screens">
      <ScreenSettings worker={desktopSession.worker} desktopId={desktopId} close={() => desktopSession.closeMenu()} />
    </MenuSection>
  );
}

/** Section with key combinations that the user's system intercepts. */
export function KeysSection({ desktopSession }: { readonly desktopSession: DesktopSession }) {
  return (
    <MenuSection title="Keys">
      <div class="menu-keys">
        {KEY_COMBINATIONS.map(({ label, codes }) => (
          <button type="button" class="menu-key" key={label} onClick={() => desktopSession.press(codes)}>
            {label}
          </button>
        ))}
      </div>
    </MenuSection>
  );
}

type MoreProps = SessionMenuProps & { readonly name: string };

/** Section with rare actions and settings. */
export function MoreSection({ desktopSession, name, watching, videoOnly, onVideoOnly }: MoreProps) {
  return (
    <MenuSection title="More">
      <Row
        label="Screenshot"
        hint="Saves the picture as it is now."
        onClick={() => notifyOnFailure(desktopSession.saveScreenshot(name), 'There is no picture to save.')}
      />
      {!watching && (
        <Row
          label="All as H.264"
          hint="Softer text, for lines on which moving pictures matter most."
          pressed={videoOnly}
          onClick={() => onVideoOnly(!videoOnly)}
        />
      )}
      <Row
        label="Verify that the picture is exact"
        hint="Compares it with the desktop’s own whenever it is exact. The statistics tell."
        pressed={desktopSession.worker.verifying.value}
        onClick={() => desktopSession.worker.setVerifying(!desktopSession.worker.verifying.value)}
      />
      {!watching && !hasTouch() && (
        <Row
          label="This computer’s input method"
          hint="It composes what you type. Otherwise the desktop’s own does."
          pressed={desktopSession.localInput.value}
          onClick={() => {
            desktopSession.localInput.value = !desktopSession.localInput.value;
          }}
        />
      )}
      {!hasTouch() && (
        <Row
          label="Show the handle"
          hint="Without it, only the shortcut opens this menu."
          pressed={handleShown.value}
          onClick={() => {
            handleShown.value = !handleShown.value;
          }}
        />
      )}
    </MenuSection>
  );
}

interface PowerProps {
  readonly desktop: Desktop;
  readonly onPower: (action: PowerAction) => void;
  readonly close: () => void;
}

/** Section with power actions. */
export function PowerSection({ desktop, onPower, close }: PowerProps) {
  return (
    <MenuSection title="Power">
      {powerItems(desktop, onPower).map(({ label, hint, danger = false, disabled = false, run }) => (
        <Row
          key={label}
          label={label}
          {...(hint === undefined ? {} : { hint })}
          danger={danger}
          disabled={disabled}
          onClick={() => {
            close();
            run();
          }}
        />
      ))}
    </MenuSection>
  );
}
