import { signal } from '@preact/signals';
import type { MonitorConfig } from '../../protocol/client-messages';
import type { Agents, CursorShape, Leds, ScreenRect } from '../../protocol/server-messages';
import type { AudioSettings, ClipboardContents, FromWorker, Input, ConnectionState, WorkerRequest, StartRequest, Stats, ToWorker } from '../../worker/messages';
import { cachePicture, takeCachedPicture } from './picture-cache';

export interface WorkerEvents {
  readonly cursorShape: (shape: CursorShape) => void;
  readonly cursorMove: (x: number, y: number) => void;
  readonly leds: (leds: Leds) => void;
  readonly notice: (text: string) => void;
  readonly guestClipboard: (contents: ClipboardContents) => void;
  readonly upload: (status: UploadStatus) => void;
  readonly fileOffer: (id: number, name: string, size: number) => void;
  readonly download: (status: DownloadStatus) => void;
}

/** What becomes of a file that was sent. */
export type UploadStatus = Extract<FromWorker, { readonly type: 'upload' }>;

/** What becomes of a file that the guest sends. */
export type DownloadStatus = Extract<FromWorker, { readonly type: 'download' }>;

/** What the page knows of the connection that it wants. */
export type StartOptions = Omit<StartRequest, 'type' | 'canvas' | 'lastPicture'>;

/** The page's end of the worker that shows one desktop. */
export class WorkerClient {
  readonly connection = signal<ConnectionState>({ state: 'connecting', since: Date.now(), notice: null });
  /** The guest's screen; `null` until it is known. */
  readonly screen = signal<{ readonly width: number; readonly height: number } | null>(null);
  /** How many screens the guest may have, and where they lie. */
  readonly screens = signal<{ readonly max: number; readonly screens: readonly ScreenRect[] }>({ max: 1, screens: [] });
  /** Whether there is a picture, be it an old one. */
  readonly painted = signal(false);
  /** Whether it is what the desktop shows now. */
  readonly live = signal(false);
  /** What the guest can do beside its screen. */
  readonly agents = signal<Agents>({
    clipboardTo: false,
    clipboardFrom: false,
    files: false,
    sound: false,
    microphone: false,
  });
  readonly stats = signal<Stats | null>(null);
  /** Whether every exact picture is compared with the desktop's own. */
  readonly verifying = signal(false);
  readonly #worker: Worker;
  readonly #events: WorkerEvents;
  readonly #requests = new Map<number, (value: unknown) => void>();
  readonly #abort = new AbortController();
  readonly #cachePicture: (picture: ImageBitmap) => void;
  #nextRequest = 0;

  constructor(canvas: HTMLCanvasElement, start: StartOptions, events: WorkerEvents) {
    this.#events = events;
    this.#worker = new Worker(new URL('../../worker/main.ts', import.meta.url), { type: 'module' });
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data);
    this.#worker.onerror = () => {
      this.connection.value = { state: 'closed', code: 'unsupported', text: 'A part of this page did not load. Reload it.' };
    };
    const { desktopId, screen } = start;
    this.#cachePicture = (picture) => cachePicture(desktopId, screen, picture);
    const offscreen = canvas.transferControlToOffscreen();
    const lastPicture = takeCachedPicture(desktopId, screen);
    const transfer = lastPicture === null ? [offscreen] : [offscreen, lastPicture];
    this.#post({ type: 'start', canvas: offscreen, lastPicture, ...start }, transfer);
    const { signal } = this.#abort;
    window.addEventListener('online', () => this.#onOnline(), { signal });
    window.addEventListener('offline', () => this.#post({ type: 'offline' }), { signal });
  }

  /** Sends an input of the user to the guest. */
  sendInput(input: Input): void {
    this.#post({ type: 'input', input });
  }

  setVideoOnly(on: boolean): void {
    this.#post({ type: 'videoOnly', on });
  }

  setVerifying(on: boolean): void {
    this.verifying.value = on;
    this.#post({ type: 'verify', on });
  }

  /** Requests a configuration of the monitor that this page shows, kept across connections; `null`: unchanged. */
  requestLayout(monitor: MonitorConfig | null): void {
    this.#post({ type: 'layout', monitor });
  }

  /** Switches audio playback and capture. */
  setAudio(audio: AudioSettings): void {
    this.#post({ type: 'audio', audio });
  }

  /** Samples to play go to `port`. */
  attachSpeaker(port: MessagePort): void {
    this.#post({ type: 'speaker', port }, [port]);
  }

  /** Recorded samples come from `port`; from `null`, none do any more. */
  attachMicrophone(port: MessagePort | null): void {
    this.#post({ type: 'microphone', port }, port === null ? [] : [port]);
  }

  /** Sends a file to the guest; `id` counts up. */
  sendFile(id: number, file: File): void {
    this.#post({ type: 'sendFile', id, file });
  }

  cancelFile(id: number): void {
    this.#post({ type: 'cancelFile', id });
  }

  /** Has a file of the guest come, into `handle` or as a blob. */
  acceptFile(id: number, handle: FileSystemFileHandle | null): void {
    this.#post({ type: 'acceptFile', id, handle });
  }

  declineFile(id: number): void {
    this.#post({ type: 'declineFile', id });
  }

  reconnect(): void {
    this.#post({ type: 'reconnect' });
  }

  subscribeStats(on: boolean): void {
    this.#post({ type: 'subscribeStats', on });
    if (!on) {
      this.stats.value = null;
    }
  }

  /** Asks the worker; `null` when there is no answer. */
  request(request: WorkerRequest): Promise<unknown> {
    const id = this.#nextRequest;
    this.#nextRequest += 1;
    return new Promise((resolve) => {
      this.#requests.set(id, resolve);
      this.#post({ type: 'request', id, request });
    });
  }

  dispose(): void {
    this.#abort.abort();
    this.#post({ type: 'stop' });
  }

  #post(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #onOnline(): void {
    if (this.connection.peek().state === 'reconnecting') {
      this.reconnect();
    }
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'connection':
        if (message.connection.state !== 'connected') {
          this.live.value = false;
        }
        this.connection.value = message.connection;
        break;
      case 'screen':
        this.screen.value = message.width > 0 ? { width: message.width, height: message.height } : null;
        break;
      case 'screens':
        this.screens.value = message;
        break;
      case 'painted':
        this.painted.value = true;
        this.live.value = message.live;
        break;
      case 'lastPicture':
        this.#cachePicture(message.picture);
        break;
      case 'cursorShape':
        this.#events.cursorShape(message.shape);
        break;
      case 'cursorMove':
        this.#events.cursorMove(message.x, message.y);
        break;
      case 'leds':
        this.#events.leds(message.leds);
        break;
      case 'notice':
        this.#events.notice(message.text);
        break;
      case 'guestClipboard':
        this.#events.guestClipboard(message.contents);
        break;
      case 'upload':
        this.#events.upload(message);
        break;
      case 'fileOffer':
        this.#events.fileOffer(message.id, message.name, message.size);
        break;
      case 'download':
        this.#events.download(message);
        break;
      case 'agents':
        this.agents.value = message.agents;
        break;
      case 'stats':
        this.stats.value = message.stats;
        break;
      case 'response':
        this.#requests.get(message.id)?.(message.value);
        this.#requests.delete(message.id);
        break;
    }
  }
}
