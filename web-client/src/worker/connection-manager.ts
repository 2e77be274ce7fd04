import { onOrigin } from '../base-path';
import { ApiError, fetchTicket } from '../api/http';
import type { MonitorConfig } from '../protocol/client-messages';
import { ClipboardChannel } from './clipboard-channel';
import { Downloads } from './downloads';
import type { AudioSettings, CloseReason, DisconnectReason, FromWorker, StartRequest, Stats } from './messages';
import type { Connection } from './connection';
import { Microphone } from './microphone';
import { Backoff, decideOnClosed, decideOnTicketError, decideOnSocketClose, type ReconnectDecision } from './reconnect';
import { Speaker } from './speaker';
import type { Surface } from './surface';
import { Uploads } from './uploads';
import { Viewer, type ViewerSettings } from './viewer';
import type { Unzstd } from './zstd';

/**
 * Connection state machine of one desktop: obtains tickets, opens viewers and reconnects with back-off. It stops when
 * reconnecting cannot succeed without the user (see reconnect.ts).
 */
export class ConnectionManager {
  /** Clipboard transfer, kept across connections. */
  readonly clipboard: ClipboardChannel;
  /** Transfers of files to the guest. */
  readonly uploads: Uploads;
  /** Transfers of files from the guest. */
  readonly downloads: Downloads;
  readonly #request: StartRequest;
  readonly #surface: Surface;
  readonly #unzstd: Unzstd;
  readonly #h264: boolean;
  readonly #post: (message: FromWorker) => void;
  readonly #backoff = new Backoff();
  readonly #speaker = new Speaker();
  readonly #microphone = new Microphone((sequence, opus) => this.#viewer?.sendRecording(sequence, opus));
  #viewer: Viewer | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Number of the current attempt, by which late responses to earlier attempts are recognised. */
  #generation = 0;
  /** Settings made by the page; they outlive each connection. */
  readonly #settings: ViewerSettings;
  /** Preference for the video decoders; `prefer-software` after a decoder failure. */
  #acceleration: HardwareAcceleration = 'no-preference';
  /** Reason why the last connection ended; `null` for a first connection. */
  #disconnectReason: DisconnectReason | null = null;
  /** Reason why the server took the right to the desktop away, until a connection is accepted again. */
  #closedText: string | null = null;

  /** Creates a manager that is not connected. */
  constructor(options: {
    readonly request: StartRequest;
    readonly surface: Surface;
    readonly unzstd: Unzstd;
    readonly h264: boolean;
    readonly post: (message: FromWorker) => void;
  }) {
    this.#request = options.request;
    this.#surface = options.surface;
    this.#unzstd = options.unzstd;
    this.#h264 = options.h264;
    this.#post = options.post;
    const { videoOnly } = options.request;
    this.#settings = { videoOnly, verify: false, audio: { playback: false, capture: false }, monitor: null };
    this.clipboard = new ClipboardChannel(options.post);
    this.uploads = new Uploads(options.post);
    this.downloads = new Downloads(options.post);
  }

  /** Connects now, in place of the current connection or a scheduled attempt. */
  connect(): void {
    this.#disconnect();
    void this.#openStream(this.#generation);
  }

  /** Handles the browser's `offline` event: drops the connection at once, instead of waiting for the ping timeout. */
  onOffline(): void {
    if (this.#viewer !== null) {
      this.#disconnect();
      this.#apply({ action: 'retry', reason: 'network', afterMs: null });
    }
  }

  /** Disconnects and closes the audio decoder and encoder, for good. */
  stop(): void {
    this.#disconnect();
    this.#speaker.close();
    this.#microphone.attach(null);
  }

  /** Current connection, to which inputs are sent; `null` between connections. */
  get connection(): Connection | null {
    return this.#viewer?.connection ?? null;
  }

  /** Switches whether everything is sent as video. */
  setVideoOnly(on: boolean): void {
    this.#settings.videoOnly = on;
    this.#viewer?.sendSettings();
  }

  /** Switches whether each lossless picture is compared with the server's hashes. */
  setVerify(on: boolean): void {
    this.#settings.verify = on;
    this.#viewer?.sendSettings();
  }

  /** Requests a configuration for the shown monitor, now and after each reconnect; `null` requests nothing. */
  requestLayout(monitor: MonitorConfig | null): void {
    this.#settings.monitor = monitor;
    this.#viewer?.sendLayoutRequest();
  }

  /** Switches audio playback and capture. */
  setAudio(audio: AudioSettings): void {
    this.#settings.audio = audio;
    this.#viewer?.sendAudioSettings();
  }

  /** Sets the port to which decoded audio samples are posted. */
  attachSpeaker(port: MessagePort): void {
    this.#speaker.attach(port);
  }

  /** Sets the port from which recorded samples arrive; `null` ends the capture. */
  attachMicrophone(port: MessagePort | null): void {
    this.#microphone.attach(port);
  }

  /** Requests a full refresh of the picture. */
  refresh(): void {
    this.#viewer?.refresh();
  }

  /** Returns the statistics of the current connection; `null` between connections. */
  stats(): Stats | null {
    return this.#viewer?.stats() ?? null;
  }

  #disconnect(): void {
    this.#generation += 1;
    clearTimeout(this.#timer);
    this.#viewer?.dispose();
    this.#viewer = null;
  }

  async #openStream(generation: number): Promise<void> {
    const { desktopId, mode, csrf } = this.#request;
    if (this.#disconnectReason === null) {
      this.#post({ type: 'connection', connection: { state: 'connecting', since: Date.now(), notice: null } });
    } else {
      this.#postReconnecting(this.#disconnectReason, null);
    }
    let ticket: string;
    try {
      ({ ticket } = await fetchTicket(desktopId, mode, csrf));
    } catch (error) {
      if (generation === this.#generation) {
        this.#apply(
          error instanceof ApiError
            ? decideOnTicketError(error.status, error.message, error.retryAfterS, this.#closedText)
            : decideOnTicketError(null, '', null),
        );
      }
      return;
    }
    if (generation === this.#generation) {
      this.#startViewer(streamUrl(desktopId, ticket));
    }
  }

  #startViewer(url: string): void {
    const since = Date.now();
    this.#viewer = new Viewer({
      url,
      surface: this.#surface,
      unzstd: this.#unzstd,
      h264: this.#h264,
      acceleration: this.#acceleration,
      settings: this.#settings,
      screen: this.#request.screen,
      speaker: this.#speaker,
      clipboard: this.clipboard,
      uploads: this.uploads,
      downloads: this.downloads,
      post: this.#post,
      onNotice: (kind, text) => {
        if (kind === 'starting') {
          this.#disconnectReason = null;
          this.#post({ type: 'connection', connection: { state: 'connecting', since, notice: text } });
        } else {
          this.#post({ type: 'notice', kind, text });
        }
      },
      onWelcome: (watching) => {
        this.#disconnectReason = null;
        this.#closedText = null;
        if (!watching) {
          this.#viewer?.sendLayoutRequest();
        }
        this.#post({ type: 'connection', connection: { state: 'connected', watching } });
      },
      onFirstPicture: () => {
        this.#backoff.reset();
        this.#post({ type: 'painted', live: true });
      },
      onVideoFailed: () => {
        // Hardware decoders are the most frequent cause; the next connection decodes in software.
        this.#acceleration = 'prefer-software';
      },
      onClosed: (end) => {
        this.#viewer = null;
        if (typeof end !== 'number' && end.code === 'forbidden') {
          this.#closedText = end.text;
        }
        this.#apply(typeof end === 'number' ? decideOnSocketClose(end) : decideOnClosed(end.code, end.text));
      },
    });
  }

  /** Carries out a reconnect decision: schedules the next attempt, or closes. */
  #apply(decision: ReconnectDecision): void {
    if (decision.action === 'end') {
      this.#close(decision.code, decision.text);
      return;
    }
    this.#disconnectReason = decision.reason;
    const delay = decision.afterMs ?? this.#backoff.next(Math.random());
    this.#postReconnecting(decision.reason, Date.now() + delay);
    this.#timer = setTimeout(() => this.connect(), delay);
  }

  #postReconnecting(reason: DisconnectReason, retryAt: number | null): void {
    this.#post({ type: 'connection', connection: { state: 'reconnecting', reason, attempt: this.#backoff.attempt, retryAt } });
  }

  #close(code: CloseReason, text: string): void {
    if (code === 'login' || code === 'forbidden' || code === 'not_found') {
      // Who may not see the desktop any more keeps no picture of it.
      this.#surface.resize(this.#surface.width, this.#surface.height);
    }
    this.#disconnectReason = null;
    this.#backoff.reset();
    this.#post({ type: 'connection', connection: { state: 'closed', code, text } });
  }
}

/** Builds the WebSocket URL of a desktop's stream with its single-use ticket. */
function streamUrl(desktopId: string, ticket: string): string {
  const url = new URL(onOrigin(`/api/desktops/${encodeURIComponent(desktopId)}/stream`), self.location.origin);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.searchParams.set('ticket', ticket);
  return url.href;
}
