import { computed, effect, signal } from '@preact/signals';
import { PLAYER, RATE, RECORDER } from '../../worklet/messages';
import playerUrl from '../../worklet/player.ts?worker&url';
import recorderUrl from '../../worklet/recorder.ts?worker&url';
import type { WorkerClient } from './worker-client';

/** Sound, as the page's part of it: the audio thread, the microphone, and when either is on. */
export class DesktopAudio {
  readonly muted = signal(false);
  readonly microphoneOn = signal(false);
  readonly canPlay = computed(() => this.#worker.agents.value.sound && typeof AudioDecoder !== 'undefined');
  readonly canRecord = computed(() => this.#worker.agents.value.microphone && this.#encodable.value);
  readonly #worker: WorkerClient;
  readonly #encodable = signal(false);
  /** Browsers let a page sound only after the user has done something on it. */
  readonly #unlocked = signal(false);
  readonly #abort = new AbortController();
  readonly #stopEffect: () => void;
  #context: AudioContext | null = null;
  #player: Promise<void> | null = null;
  #recording: { readonly stream: MediaStream; readonly recorder: AudioWorkletNode } | null = null;

  constructor(worker: WorkerClient) {
    this.#worker = worker;
    void worker.request({ kind: 'microphone' }).then((encodable) => {
      this.#encodable.value = encodable === true && 'mediaDevices' in navigator;
    });
    const { signal } = this.#abort;
    for (const event of ['pointerdown', 'keydown'] as const) {
      window.addEventListener(event, () => this.#unlock(), { signal, capture: true });
    }
    this.#stopEffect = effect(() => {
      const playback = this.canPlay.value && this.#unlocked.value && !this.muted.value;
      worker.setAudio({ playback, capture: this.microphoneOn.value && this.canRecord.value });
    });
  }

  async turnMicrophoneOn(): Promise<void> {
    const context = this.#audio();
    await context.audioWorklet.addModule(recorderUrl);
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
    try {
      this.#record(context, stream);
    } catch (error) {
      stopTracks(stream);
      throw error;
    }
  }

  #record(context: AudioContext, stream: MediaStream): void {
    if (this.#abort.signal.aborted) {
      stopTracks(stream);
      return;
    }
    const source = context.createMediaStreamSource(stream);
    const recorder = new AudioWorkletNode(context, RECORDER, { numberOfInputs: 1, numberOfOutputs: 1, channelCount: 1 });
    this.#worker.attachMicrophone(openPort(recorder));
    // It puts nothing out; without a way to the speakers it would not be run at all.
    source.connect(recorder).connect(context.destination);
    this.#recording = { stream, recorder };
    // The user may take it away in the browser's own controls.
    stream.getAudioTracks()[0]?.addEventListener('ended', () => this.turnMicrophoneOff());
    this.microphoneOn.value = true;
  }

  turnMicrophoneOff(): void {
    this.microphoneOn.value = false;
    this.#worker.attachMicrophone(null);
    if (this.#recording !== null) {
      const { stream, recorder } = this.#recording;
      this.#recording = null;
      stopTracks(stream);
      recorder.port.postMessage(null);
      recorder.disconnect();
    }
  }

  dispose(): void {
    this.#abort.abort();
    this.#stopEffect();
    this.turnMicrophoneOff();
    void this.#context?.close().catch(() => undefined);
  }

  #audio(): AudioContext {
    this.#context ??= new AudioContext({ sampleRate: RATE, latencyHint: 'interactive' });
    return this.#context;
  }

  #unlock(): void {
    if (!this.canPlay.peek() || (this.#unlocked.peek() && this.#context?.state === 'running')) {
      return;
    }
    const context = this.#audio();
    this.#player ??= this.#startPlayer(context);
    Promise.all([this.#player, context.resume()]).then(
      () => {
        this.#unlocked.value = true;
      },
      () => {
        // No sound card here, or not yet: the next thing that the user does tries again.
        this.#player = null;
      },
    );
  }

  async #startPlayer(context: AudioContext): Promise<void> {
    await context.audioWorklet.addModule(playerUrl);
    const player = new AudioWorkletNode(context, PLAYER, { numberOfInputs: 0, numberOfOutputs: 1, outputChannelCount: [2] });
    this.#worker.attachSpeaker(openPort(player));
    player.connect(context.destination);
  }
}

/** The worker's end of a channel to the node's processor. */
function openPort(node: AudioWorkletNode): MessagePort {
  const { port1, port2 } = new MessageChannel();
  node.port.postMessage(port1, [port1]);
  return port2;
}

function stopTracks(stream: MediaStream): void {
  for (const track of stream.getTracks()) {
    track.stop();
  }
}
