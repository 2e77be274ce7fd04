import * as client from '../protocol/client-messages';
import type { ServerMessage } from '../protocol/server-messages';
import { compareHashes } from '../protocol/tile-hashes';
import type { ClipboardChannel } from './clipboard-channel';
import { Connection } from './connection';
import type { Downloads } from './downloads';
import type { AudioSettings, FromWorker, Stats } from './messages';
import { Presenter, type Presented } from './presenter';
import type { Speaker } from './speaker';
import { StatsCollector } from './stats';
import type { Surface } from './surface';
import type { Uploads } from './uploads';
import { VideoStreams } from './video';
import type { Unzstd } from './zstd';

/** Settings of the page for a desktop. All connections share the object; each sends the settings anew. */
export interface ViewerSettings {
  /** Whether everything is sent as video. */
  videoOnly: boolean;
  /** Whether each lossless picture is compared with the server's hashes. */
  verify: boolean;
  /** Directions of audio that are on. */
  audio: AudioSettings;
  /** Requested configuration of the monitor that is shown; `null`: unchanged. */
  monitor: client.MonitorConfig | null;
}

/** Options of a {@link Viewer}. */
export interface ViewerOptions {
  /** WebSocket URL with the ticket. */
  readonly url: string;
  /** Surface to paint on. */
  readonly surface: Surface;
  /** Decompressor of lossless updates. */
  readonly unzstd: Unzstd;
  /** Whether this browser decodes H.264. */
  readonly h264: boolean;
  /** Preference for hardware or software decoders. */
  readonly acceleration: HardwareAcceleration;
  /** Settings shared with the connection manager. */
  readonly settings: Readonly<ViewerSettings>;
  /** Number of the guest's screen, from 0 on. */
  readonly screen: number;
  /** Decoder of audio. */
  readonly speaker: Speaker;
  /** Clipboard transfer. */
  readonly clipboard: ClipboardChannel;
  /** Transfers of files to the guest. */
  readonly uploads: Uploads;
  /** Transfers of files from the guest. */
  readonly downloads: Downloads;
  /** Posts a message to the page. */
  readonly post: (message: FromWorker) => void;
  /** Called for a Notice message. */
  readonly onNotice: (kind: string, text: string) => void;
  /** Called for Welcome; `watching`: inputs are not accepted. */
  readonly onWelcome: (watching: boolean) => void;
  /** Called after the first painted frame. */
  readonly onFirstPicture: () => void;
  /** Called when video decoding has failed. */
  readonly onVideoFailed: () => void;
  /** Called once at the end of the connection: with the server's Closed message, or the WebSocket close code. */
  readonly onClosed: (end: { readonly code: string; readonly text: string } | number) => void;
}

/** Client of one connection: dispatches its messages, and owns its decoders, frame queue and statistics. */
export class Viewer {
  /** WebSocket connection. */
  readonly connection: Connection;
  readonly #options: ViewerOptions;
  readonly #video: VideoStreams;
  readonly #presenter: Presenter;
  readonly #stats = new StatsCollector();
  #videoFailed = false;
  #unknownMessages = 0;
  #painted = false;

  /** Opens the connection. */
  constructor(options: ViewerOptions) {
    const { surface, unzstd, post } = options;
    this.#options = options;
    options.speaker.interrupt();
    this.#video = new VideoStreams({
      acceleration: options.acceleration,
      onFailure: () => this.#onVideoFailed(),
      onMissing: () => this.refresh(),
    });
    this.#presenter = new Presenter({
      surface,
      video: this.#video,
      unzstd,
      onPresented: (presented) => this.#onPresented(presented),
      onResize: (width, height) => post({ type: 'screen', width, height }),
      onError: () => this.connection.close(),
    });
    const { h264, screen, settings } = options;
    this.connection = new Connection(options.url, { h264, screen, videoOnly: settings.videoOnly }, {
      resumeHashes: () => (surface.blank ? null : client.resumeHashes(surface.hashes())),
      message: (message, byteLength) => this.#receive(message, byteLength),
      // Inputs carry time since the epoch; statistics use the worker's clock.
      inputSent: (seq, at) => this.#stats.input(seq, at - performance.timeOrigin),
      roundTrip: (ms) => {
        this.#stats.roundTrip(ms);
        this.#stats.trim(performance.now());
      },
      closed: (code) => this.#onClosed(code),
    });
  }

  /** Sends the picture settings. */
  sendSettings(): void {
    const { videoOnly, verify } = this.#options.settings;
    this.connection.send(client.settings(videoOnly, verify));
  }

  /** Sends the requested monitor configuration, if any. */
  sendLayoutRequest(): void {
    const { screen, settings } = this.#options;
    if (settings.monitor !== null) {
      this.connection.send(client.layoutRequest(screen, settings.monitor));
    }
  }

  /** Sends the directions of audio that are on. */
  sendAudioSettings(): void {
    const { playback, capture } = this.#options.settings.audio;
    this.connection.send(client.sound(playback, capture));
  }

  /** Sends an Opus packet of the microphone; drops it while the socket is congested or capture is off. */
  sendRecording(sequence: number, opus: Uint8Array): void {
    if (this.#options.settings.audio.capture) {
      this.connection.sendUnlessCongested(client.recording(sequence, opus));
    }
  }

  /** Requests a full refresh of the picture. */
  refresh(): void {
    this.connection.send(client.refresh());
  }

  /** Returns the statistics of this connection. */
  stats(): Stats {
    const { surface, h264, settings } = this.#options;
    return this.#stats.snapshot(performance.now(), {
      width: surface.width,
      height: surface.height,
      inFlight: this.#presenter.waiting,
      h264: !h264 ? 'unavailable' : this.#videoFailed ? 'failed' : 'decoding',
      videoOnly: settings.videoOnly,
      unknownMessages: this.#unknownMessages,
      audio: this.#options.speaker.stats(),
    });
  }

  /** Closes the connection on purpose; `onClosed` is not called. */
  dispose(): void {
    this.connection.dispose();
    this.#close();
  }

  /** Dispatches a message of the server. */
  #receive(message: ServerMessage, byteLength: number): void {
    const now = performance.now();
    this.#stats.message(now, byteLength);
    const { post, surface } = this.#options;
    switch (message.type) {
      case 'welcome':
        if (message.width > 0 && (message.width !== surface.width || message.height !== surface.height)) {
          surface.resize(message.width, message.height);
        }
        post({ type: 'screen', width: surface.width, height: surface.height });
        if (this.#options.settings.verify) {
          this.sendSettings();
        }
        this.#options.onWelcome(message.watching);
        if (!message.watching) {
          this.#options.clipboard.attach(this.connection);
          this.#options.uploads.attach(this.connection);
          this.#options.downloads.attach(this.connection);
        }
        break;
      case 'agents':
        post(message);
        this.sendAudioSettings();
        break;
      case 'clipboardOffer':
        this.#options.clipboard.onGuestOffer(message.types);
        break;
      case 'clipboardRequest':
        void this.#options.clipboard.onGuestRequest(message.request, message.content);
        break;
      case 'clipboardData':
        this.#options.clipboard.onChunk(message.chunk);
        break;
      case 'fileStatus':
        this.#options.uploads.onStatus(message.status);
        break;
      case 'fileOffer':
        this.#options.downloads.onOffer(message.offer);
        break;
      case 'fileContent':
        this.#options.downloads.onChunk(message.chunk);
        break;
      case 'audio':
        this.#options.speaker.play(message.packet);
        break;
      case 'frame':
        this.#presenter.accept(message.frame, now);
        break;
      case 'frameHash':
        this.#presenter.whenPainted(() => this.#stats.compared(compareHashes(surface.hashes(), message.hashes)));
        break;
      case 'cursorShape':
      case 'cursorMove':
      case 'leds':
      case 'screens':
        post(message);
        break;
      case 'notice':
        this.#options.onNotice(message.kind, message.text);
        break;
      case 'closed':
        this.connection.dispose();
        this.#onClosed({ code: message.code, text: message.text });
        break;
      case 'unknown':
        this.#unknownMessages += 1;
        break;
      case 'pong':
        break;
    }
  }

  /** Acknowledges a painted frame, with its times in microseconds. */
  #onPresented(presented: Presented): void {
    const { frame, receivedAt, decodedAt, paintedAt } = presented;
    const us = (ms: number): number => Math.round(ms * 1000);
    this.connection.send(client.ack(frame.id, us(decodedAt - receivedAt), us(paintedAt - receivedAt)));
    this.#stats.presented(presented);
    if (!this.#painted) {
      this.#painted = true;
      this.#options.onFirstPicture();
    }
  }

  #onVideoFailed(): void {
    this.#videoFailed = true;
    this.connection.send(client.videoFailed());
    this.#options.onVideoFailed();
  }

  #onClosed(end: { readonly code: string; readonly text: string } | number): void {
    this.#close();
    this.#options.onClosed(end);
  }

  #close(): void {
    this.#options.clipboard.detach();
    this.#options.uploads.detach();
    this.#options.downloads.detach();
    this.#presenter.close();
    this.#video.close();
  }
}
