import { confirm } from '../../design/dialog';
import { notify } from '../../design/notices';
import type { DeskSound } from './desk-sound';
import { Tool } from './tool';

/** What the toolbar offers for sound: nothing where the desktop or the browser has none. */
export function SoundTools({ sound }: { readonly sound: DeskSound }) {
  const muted = sound.muted.value;
  const on = sound.microphoneOn.value;
  return (
    <>
      {sound.canPlay.value && (
        <Tool
          icon={muted ? 'muted' : 'sound'}
          label={muted ? 'Sound on' : 'Mute'}
          onClick={() => {
            sound.muted.value = !muted;
          }}
        />
      )}
      {sound.canRecord.value && (
        <Tool icon="microphone" label="Microphone" pressed={on} onClick={() => void toggleMicrophone(sound, on)} />
      )}
    </>
  );
}

async function toggleMicrophone(sound: DeskSound, on: boolean): Promise<void> {
  if (on) {
    sound.turnMicrophoneOff();
    return;
  }
  const agreed = await confirm({
    title: 'Turn the microphone on?',
    text: 'What your microphone hears goes to this desktop until you turn it off or leave.',
    action: 'Turn on',
  });
  if (agreed) {
    await sound.turnMicrophoneOn().catch(() => notify('The browser gives no microphone; allow it for this page and try again.'));
  }
}
