import { saveSettings, settings } from '../../../api/session';
import { confirm } from '../../../ui/dialog';
import { notify, notifyOnFailure } from '../../../ui/notices';
import { hasTouch } from '../../../support';
import type { DesktopAudio } from '../desktop-audio';
import { chooseFiles } from '../files/choose-files';
import { fitsWindow } from '../screens/fit-setting';
import { Tile } from './menu-parts';
import type { SessionMenuProps } from './session-menu-props';

/** Tiles of the frequent actions; those that desktop or browser do not support are left out. */
export function Tiles({ desktopSession, watching, onClipboard }: SessionMenuProps) {
  const { audio, clipboard, uploads, downloads } = desktopSession;
  const offered = downloads.offer.value;
  const overlay = settings.value?.overlay === true;
  return (
    <div class="menu-tiles">
      <Tile
        icon={desktopSession.fullscreen.value ? 'shrink' : 'fullscreen'}
        label="Full screen"
        pressed={desktopSession.fullscreen.value}
        onClick={() => notifyOnFailure(desktopSession.toggleFullscreen(), 'This browser refuses full screen here.')}
      />
      {!watching && (
        <Tile
          icon="fit"
          label="Fit window"
          pressed={fitsWindow.value}
          onClick={() => {
            fitsWindow.value = !fitsWindow.value;
          }}
        />
      )}
      {audio.canPlay.value && <SoundTile audio={audio} />}
      {audio.canRecord.value && (
        <Tile
          icon="microphone"
          label="Microphone"
          pressed={audio.microphoneOn.value}
          onClick={() => void toggleMicrophone(audio)}
        />
      )}
      {(clipboard.canSend.value || clipboard.canReceive.value) && <Tile icon="clipboard" label="Clipboard" onClick={onClipboard} />}
      {uploads.isAvailable.value && (
        <Tile
          icon="upload"
          label="Send files"
          onClick={() => {
            desktopSession.closeMenu();
            chooseFiles((chosen) => uploads.send(chosen));
          }}
        />
      )}
      {offered !== null && (
        <Tile
          icon="download"
          label="Save file"
          onClick={() => {
            desktopSession.closeMenu();
            void downloads.save(offered);
          }}
        />
      )}
      {!watching && hasTouch() && (
        <Tile
          icon="keys"
          label="Keyboard"
          onClick={() => {
            desktopSession.closeMenu();
            desktopSession.showSoftKeyboard();
          }}
        />
      )}
      {!watching && !hasTouch() && (
        <Tile
          icon="pointer"
          label="Lock pointer"
          pressed={desktopSession.pointerLocked.value}
          onClick={() => {
            desktopSession.closeMenu();
            notifyOnFailure(desktopSession.togglePointerLock(), 'This browser cannot lock the pointer.');
          }}
        />
      )}
      <Tile
        icon="gauge"
        label="Statistics"
        pressed={overlay}
        onClick={() => notifyOnFailure(saveSettings({ overlay: !overlay }), 'The setting could not be stored.')}
      />
    </div>
  );
}

/** Tile that switches playback. */
function SoundTile({ audio }: { readonly audio: DesktopAudio }) {
  const on = !audio.muted.value;
  return (
    <Tile
      icon={on ? 'sound' : 'muted'}
      label="Sound"
      pressed={on}
      onClick={() => {
        audio.muted.value = on;
      }}
    />
  );
}

/** Switches the microphone, after a confirmation to turn it on. */
async function toggleMicrophone(audio: DesktopAudio): Promise<void> {
  if (audio.microphoneOn.peek()) {
    audio.turnMicrophoneOff();
    return;
  }
  const agreed = await confirm({
    title: 'Turn the microphone on?',
    text: 'What your microphone hears goes to this desktop until you turn it off or leave. Your browser may ask as well.',
    action: 'Turn on',
  });
  if (agreed) {
    await audio.turnMicrophoneOn().catch(() => notify('The browser gives no microphone; allow it for this page and try again.'));
  }
}
