import { useEffect, useRef } from 'preact/hooks';
import { saveSettings, settings } from '../../api/session';
import type { Desktop, PowerAction } from '../../api/types';
import { Menu } from '../../design/menu';
import { notify } from '../../design/notices';
import { TOOLBAR_CHORD } from '../../input/chord';
import { hasTouch } from '../../support';
import { navigate } from '../../router';
import { powerItems } from '../power-items';
import type { Desk } from './desk';
import { ScreensMenu } from './screens/screens-menu';
import { SoundTools } from './sound-tools';
import { Tool } from './tool';

interface ToolbarProps {
  readonly desk: Desk;
  readonly desktop: Desktop | undefined;
  readonly watching: boolean;
  readonly videoOnly: boolean;
  readonly onVideoOnly: (on: boolean) => void;
  readonly onPower: (action: PowerAction) => void;
}

/** Out of the way until asked for: by its handle at the upper edge, or by the shortcut. */
export function Toolbar(props: ToolbarProps) {
  const { desk } = props;
  const open = desk.toolbarOpen.value;
  const hide = (): void => {
    desk.toolbarOpen.value = false;
    desk.focus();
  };
  return (
    <div class={open ? 'toolbar is-open' : 'toolbar'}>
      {open ? (
        <Tools {...props} hide={hide} />
      ) : (
        <button
          type="button"
          class="toolbar-handle"
          aria-label={`Toolbar (${TOOLBAR_CHORD})`}
          title={`Toolbar (${TOOLBAR_CHORD})`}
          onClick={() => {
            desk.toolbarOpen.value = true;
          }}
        />
      )}
    </div>
  );
}

function attempt(doing: Promise<void>, complaint: string): void {
  doing.catch(() => notify(complaint));
}

function Tools({ desk, desktop, watching, videoOnly, onVideoOnly, onPower, hide }: ToolbarProps & { readonly hide: () => void }) {
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => root.current?.querySelector('button')?.focus(), []);
  const name = desktop?.name ?? 'Desktop';
  const overlay = settings.value?.overlay === true;
  return (
    <div
      class="tools"
      role="toolbar"
      aria-label={`Toolbar of ${name}`}
      ref={root}
      onKeyDown={(event) => walk(event, root.current, hide)}
    >
      <strong class="tools-name">{name}</strong>
      <Tool
        icon={desk.fullscreen.value ? 'shrink' : 'fullscreen'}
        label={desk.fullscreen.value ? 'Leave fullscreen' : 'Fullscreen'}
        onClick={() => attempt(desk.toggleFullscreen(), 'This browser refuses fullscreen here.')}
      />
      {!watching && (
        <>
          <Tool
            icon="pointer"
            label="Lock pointer"
            pressed={desk.pointerLocked.value}
            onClick={() => attempt(desk.togglePointerLock(), 'This browser cannot lock the pointer.')}
          />
          <Tool icon="delete" label="Ctrl+Alt+Del" onClick={() => desk.pressCtrlAltDel()} />
          {hasTouch() && <Tool icon="keys" label="Keyboard" onClick={() => desk.showSoftKeyboard()} />}
        </>
      )}
      <SoundTools sound={desk.sound} />
      <Tool
        icon="camera"
        label="Screenshot"
        onClick={() => attempt(desk.saveScreenshot(name), 'There is no picture to save.')}
      />
      <Tool
        icon="gauge"
        label="Statistics"
        pressed={overlay}
        onClick={() => attempt(saveSettings({ overlay: !overlay }), 'The setting could not be stored.')}
      />
      {!watching && (
        <Tool icon="film" label="All as H.264" pressed={videoOnly} onClick={() => onVideoOnly(!videoOnly)} />
      )}
      {!watching && <ScreensMenu link={desk.link} desktopId={desktop?.id} />}
      {desktop !== undefined && !watching && (
        <Menu label="Power" icon="power" items={powerItems(desktop, onPower)}>
          <span class="tool-label">Power</span>
        </Menu>
      )}
      <Tool icon="leave" label="Leave" onClick={() => navigate('/')} />
      <Tool icon="close" label="Hide" onClick={hide} />
    </div>
  );
}

/** Arrows walk along the tools, Escape hides them. */
function walk(event: KeyboardEvent, root: HTMLElement | null, hide: () => void): void {
  const tools = [...(root?.querySelectorAll<HTMLElement>('.button') ?? [])];
  const at = tools.findIndex((tool) => tool === document.activeElement);
  if (event.key === 'Escape') {
    hide();
  } else if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
    event.preventDefault();
    tools.at((at + (event.key === 'ArrowRight' ? 1 : -1)) % tools.length)?.focus();
  }
}
