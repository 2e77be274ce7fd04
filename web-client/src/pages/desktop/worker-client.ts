import { signal } from '@preact/signals';
import type { MonitorConfig } from '../../protocol/client-messages';
import type { Agents, CursorShape, Leds, ScreenRect } from '../../protocol/server-messages';
import type { AudioSettings, ClipboardContents, FromWorker, Input, ConnectionState, WorkerRequest, StartRequest, Stats, ToWorker } from '../../worker/messages';
import { cachePicture, takeCachedPicture } from './picture-cache';

/** Callbacks for messages of the worker that are not kept as state. */
export interface WorkerEvents {
  /** The guest's pointer changed its image. */
  readonly cursorShape: (shape: CursorShape) => void;
  /** The guest's pointer moved; position in pixels of the screen. */
  readonly cursorMove: (x: number, y: number) => void;
  /** The lock LEDs changed. */
  readonly leds: (leds: Leds) => void;
  /** The server sent a sentence for the user. */
  readonly notice: (text: string) => void;
  /** Contents were copied in the guest. */
  readonly guestClipboard: (contents: ClipboardContents) => void;
  /** An upload progressed or ended. */
  readonly upload: (status: UploadStatus) => void;
  /** The guest offers a file of `size` bytes. */
  readonly fileOffer: (id: number, name: string, size: number) => void;
  /** A download progressed or ended. */
  readonly download: (status: DownloadStatus) => void;
}

/** Progress or end of an upload. */
export type UploadStatus = Extract<FromWorker, { readonly type: 'upload' }>;

/** Progress or end of a download. */
export type DownloadStatus = Extract<FromWorker, { readonly type: 'download' }>;

/** Options of a connection that the page determines. */
export type StartOptions = Omit<StartRequest, 'type' | 'canvas' | 'lastPicture'>;

/** Page's side of the worker that shows one desktop: posts requests, and keeps the reported state in signals. */
export class WorkerClient {
  /** State of the connection. */
  readonly connection = signal<ConnectionState>({ state: 'connecting', since: Date.now(), notice: null });
  /** Size of the shown screen in pixels; `null` until it is known. */
  readonly screen = signal<{ readonly width: number; readonly height: number } | null>(null);
  /** Maximum number of screens of the guest, and their rectangles. */
  readonly screens = signal<{ readonly max: number; readonly screens: readonly ScreenRect[] }>({ max: 1, screens: [] });
  /** Whether the canvas shows a picture, possibly a cached one. */
  readonly painted = signal(false);
  /** Whether the picture is that of the current connection. */
  readonly live = signal(false);
  /** Capabilities of the guest's agents. */
  readonly agents = signal<Agents>({
    clipboardTo: false,
    clipboardFrom: false,
    files: false,
    sound: false,
    microphone: false,
  });
  /** Latest statistics; `null` without subscription. */
  readonly stats = signal<Stats | null>(null);
  /** Whether each lossless picture is compared with the server's hashes. */
  readonly verifying = signal(false);
  readonly #worker: Worker;
  readonly #events: WorkerEvents;
  readonly #requests = new Map<number, (value: unknown) => void>();
  readonly #abort = new AbortController();
  readonly #cachePicture: (picture: ImageBitmap) => void;
  #nextRequest = 0;

  /** Starts the worker and transfers the canvas to it. */
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

  /** Switches whether everything is sent as video. */
  setVideoOnly(on: boolean): void {
    this.#post({ type: 'videoOnly', on });
  }

  /** Switches the comparison of each lossless picture with the server's hashes. */
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

  /** Sets the port of the audio thread for samples to play. */
  attachSpeaker(port: MessagePort): void {
    this.#post({ type: 'speaker', port }, [port]);
  }

  /** Sets the port of the audio thread for recorded samples; `null` ends the capture. */
  attachMicrophone(port: MessagePort | null): void {
    this.#post({ type: 'microphone', port }, port === null ? [] : [port]);
  }

  /** Sends a file to the guest; `id` increases. */
  sendFile(id: number, file: File): void {
    this.#post({ type: 'sendFile', id, file });
  }

  /** Cancels an upload. */
  cancelFile(id: number): void {
    this.#post({ type: 'cancelFile', id });
  }

  /** Accepts a file of the guest, stored in `handle` or, with `null`, collected as a blob. */
  acceptFile(id: number, handle: FileSystemFileHandle | null): void {
    this.#post({ type: 'acceptFile', id, handle });
  }

  /** Declines a file of the guest, or cancels its download. */
  declineFile(id: number): void {
    this.#post({ type: 'declineFile', id });
  }

  /** Connects now, without waiting for the next attempt. */
  reconnect(): void {
    this.#post({ type: 'reconnect' });
  }

  /** Switches the periodic statistics. */
  subscribeStats(on: boolean): void {
    this.#post({ type: 'subscribeStats', on });
    if (!on) {
      this.stats.value = null;
    }
  }

  /** Sends a request; resolves with the response's value, `null` on failure. */
  request(request: WorkerRequest): Promise<unknown> {
    const id = this.#nextRequest;
    this.#nextRequest += 1;
    return new Promise((resolve) => {
      this.#requests.set(id, resolve);
      this.#post({ type: 'request', id, request });
    });
  }

  /** Stops the worker, which returns the last picture for the cache. */
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
