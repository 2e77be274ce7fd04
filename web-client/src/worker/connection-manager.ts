import { ApiError, fetchTicket } from '../api/http';
import type { MonitorConfig } from '../protocol/client-messages';
import { ClipboardChannel } from './clipboard-channel';
import { Downloads } from './downloads';
import type { CloseReason, FromWorker, Input, DisconnectReason, StartRequest, Stats } from './messages';
import { Microphone } from './microphone';
import { Backoff, decideOnClosed, decideOnTicketError, decideOnSocketClose, type ReconnectDecision } from './reconnect';
import { Speaker } from './speaker';
import type { Surface } from './surface';
import { Uploads } from './uploads';
import { type AudioSettings, Viewer } from './viewer';
import type { Unzstd } from './zstd';

/** Keeps one desktop on the canvas: connects, and comes back after losses until there is no use. */
export class Session {
  readonly clipboard: ClipboardChannel;
  readonly uploads: Uploads;
  readonly downloads: Downloads;
  readonly #request: StartRequest;
  readonly #surface: Surface;
  readonly #unzstd: Unzstd;
  readonly #h264: boolean;
  readonly #post: (message: FromWorker) => void;
  readonly #backoff = new Backoff();
  readonly #speaker = new Speaker();
  readonly #microphone = new Microphone((sequence, opus) => this.#viewer?.record(sequence, opus));
  #sound: AudioSettings = { listen: false, speak: false };
  #viewer: Viewer | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts attempts, so that an answer to an abandoned one is recognised. */
  #generation = 0;
  #videoOnly: boolean;
  #verify = false;
  #acceleration: HardwareAcceleration = 'no-preference';
  #lost: DisconnectReason | null = null;
  #wanted: MonitorConfig | null = null;

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
    this.#videoOnly = options.request.videoOnly;
    this.clipboard = new ClipboardChannel(options.post);
    this.uploads = new Uploads(options.post);
    this.downloads = new Downloads(options.post);
  }

  /** Connects at once, whatever was planned. */
  connect(): void {
    this.#drop();
    void this.#attempt(this.#generation);
  }

  /** The browser says that it is offline: waiting for pings would only cost time. */
  offline(): void {
    if (this.#viewer !== null) {
      this.#drop();
      this.#follow({ do: 'retry', reason: 'network', afterMs: null });
    }
  }

  stop(): void {
    this.#drop();
    this.#speaker.close();
    this.#microphone.attach(null);
  }

  input(input: Input): void {
    this.#viewer?.input(input);
  }

  setVideoOnly(on: boolean): void {
    this.#videoOnly = on;
    this.#viewer?.setVideoOnly(on);
  }

  setVerify(on: boolean): void {
    this.#verify = on;
    this.#viewer?.setVerify(on);
  }

  want(screen: MonitorConfig | null): void {
    this.#wanted = screen;
    if (screen !== null) {
      this.#viewer?.want(screen);
    }
  }

  setSound(sound: AudioSettings): void {
    this.#sound = sound;
    this.#viewer?.setSound(sound);
  }

  /** Where samples to play go. */
  attachSpeaker(port: MessagePort): void {
    this.#speaker.attach(port);
  }

  /** Where recorded samples come from. */
  attachMicrophone(port: MessagePort | null): void {
    this.#microphone.attach(port);
  }

  /** Asks for the whole picture again. */
  refresh(): void {
    this.#viewer?.refresh();
  }

  stats(): Stats | null {
    return this.#viewer?.stats() ?? null;
  }

  #drop(): void {
    this.#generation += 1;
    clearTimeout(this.#timer);
    this.#viewer?.dispose();
    this.#viewer = null;
  }

  async #attempt(generation: number): Promise<void> {
    const { desktopId, mode, csrf } = this.#request;
    if (this.#lost === null) {
      this.#post({ type: 'connection', connection: { state: 'connecting', since: Date.now(), notice: null } });
    } else {
      this.#postLost(this.#lost, null);
    }
    let ticket: string;
    try {
      ({ ticket } = await fetchTicket(desktopId, mode, csrf));
    } catch (error) {
      if (generation === this.#generation) {
        this.#follow(
          error instanceof ApiError
            ? decideOnTicketError(error.status, error.message, error.retryAfterS)
            : decideOnTicketError(null, '', null),
        );
      }
      return;
    }
    if (generation === this.#generation) {
      this.#open(streamUrl(desktopId, ticket));
    }
  }

  #open(url: string): void {
    const since = Date.now();
    this.#viewer = new Viewer({
      url,
      surface: this.#surface,
      unzstd: this.#unzstd,
      h264: this.#h264,
      acceleration: this.#acceleration,
      videoOnly: this.#videoOnly,
      verify: this.#verify,
      screen: this.#request.screen,
      speaker: this.#speaker,
      sound: this.#sound,
      clipboard: this.clipboard,
      uploads: this.uploads,
      downloads: this.downloads,
      post: this.#post,
      onNotice: (kind, text) => {
        if (kind === 'starting') {
          this.#lost = null;
          this.#post({ type: 'connection', connection: { state: 'connecting', since, notice: text } });
        } else {
          this.#post({ type: 'notice', kind, text });
        }
      },
      onWelcome: (watching) => {
        this.#lost = null;
        if (this.#wanted !== null && !watching) {
          this.#viewer?.want(this.#wanted);
        }
        this.#post({ type: 'connection', connection: { state: 'connected', watching } });
      },
      onFirstPicture: () => {
        this.#backoff.reset();
        this.#post({ type: 'painted', live: true });
      },
      onVideoFailed: () => {
        // The next connection tries once more, without the hardware that most often is to blame.
        this.#acceleration = 'prefer-software';
      },
      onOver: (end) => {
        this.#viewer = null;
        this.#follow(typeof end === 'number' ? decideOnSocketClose(end) : decideOnClosed(end.code, end.text));
      },
    });
  }

  #follow(verdict: ReconnectDecision): void {
    if (verdict.do === 'end') {
      this.#end(verdict.code, verdict.text);
      return;
    }
    this.#lost = verdict.reason;
    const delay = verdict.afterMs ?? this.#backoff.next(Math.random());
    this.#postLost(verdict.reason, Date.now() + delay);
    this.#timer = setTimeout(() => this.connect(), delay);
  }

  #postLost(reason: DisconnectReason, retryAt: number | null): void {
    this.#post({ type: 'connection', connection: { state: 'reconnecting', reason, attempt: this.#backoff.attempt, retryAt } });
  }

  #end(code: CloseReason, text: string): void {
    this.#lost = null;
    this.#backoff.reset();
    this.#post({ type: 'connection', connection: { state: 'closed', code, text } });
  }
}

function streamUrl(desktopId: string, ticket: string): string {
  const url = new URL(`/api/desktops/${encodeURIComponent(desktopId)}/stream`, self.location.origin);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.searchParams.set('ticket', ticket);
  return url.href;
}
