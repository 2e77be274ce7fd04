import type { Desktop, PowerAction } from '../../../api/types';
import { hasTouch } from '../../../support';
import { powerItems } from '../../power-items';
import type { Desk } from '../desk';
import { ScreenSettings } from '../screens/screen-settings';
import { handleShown } from './handle-setting';
import { KEY_CHORDS } from './key-chords';
import { Fold, Row } from './parts';
import type { SessionMenuProps } from './session-menu';
import { attempt } from './tiles';

export function ScreenFold({ desk, desktopId }: { readonly desk: Desk; readonly desktopId: string | undefined }) {
  return (
    <Fold title="Screens">
      <ScreenSettings link={desk.link} desktopId={desktopId} close={() => desk.closeMenu()} />
    </Fold>
  );
}

/** Keys that would not get past the person's own system. */
export function KeysFold({ desk }: { readonly desk: Desk }) {
  return (
    <Fold title="Keys">
      <div class="menu-keys">
        {KEY_CHORDS.map(({ label, codes }) => (
          <button type="button" class="menu-key" key={label} onClick={() => desk.press(codes)}>
            {label}
          </button>
        ))}
      </div>
    </Fold>
  );
}

type MoreProps = SessionMenuProps & { readonly name: string };

export function MoreFold({ desk, name, watching, videoOnly, onVideoOnly }: MoreProps) {
  return (
    <Fold title="More">
      <Row
        label="Screenshot"
        hint="Saves the picture as it is now."
        onClick={() => attempt(desk.saveScreenshot(name), 'There is no picture to save.')}
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
        label="Prove that the picture is exact"
        hint="Compares it with the desktop’s own whenever it is exact. The statistics tell."
        pressed={desk.link.verifying.value}
        onClick={() => desk.link.setVerifying(!desk.link.verifying.value)}
      />
      {!watching && !hasTouch() && (
        <Row
          label="This computer’s input method"
          hint="It composes what you type. Otherwise the desktop’s own does."
          pressed={desk.localInput.value}
          onClick={() => {
            desk.localInput.value = !desk.localInput.value;
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
    </Fold>
  );
}

interface PowerProps {
  readonly desktop: Desktop;
  readonly onPower: (action: PowerAction) => void;
  readonly close: () => void;
}

export function PowerFold({ desktop, onPower, close }: PowerProps) {
  return (
    <Fold title="Power">
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
    </Fold>
  );
}
