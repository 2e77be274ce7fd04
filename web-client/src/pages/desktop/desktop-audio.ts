import { computed, effect, signal } from '@preact/signals';
import { PLAYER, RATE, RECORDER } from '../../worklet/messages';
import playerUrl from '../../worklet/player.ts?worker&url';
import recorderUrl from '../../worklet/recorder.ts?worker&url';
import type { WorkerClient } from './worker-client';

/**
 * Audio of a desktop on the page's side: AudioContext, worklets, microphone access, and the switches of both
 * directions.
 */
export class DesktopAudio {
  /** Whether the user has switched playback off. */
  readonly muted = signal(false);
  /** Whether the microphone is captured. */
  readonly microphoneOn = signal(false);
  /** Whether guest and browser support playback. */
  readonly canPlay = computed(() => this.#worker.agents.value.sound && typeof AudioDecoder !== 'undefined');
  /** Whether guest and browser support recording. */
  readonly canRecord = computed(() => this.#worker.agents.value.microphone && this.#encodable.value);
  readonly #worker: WorkerClient;
  /** Whether the browser encodes Opus and has media devices. */
  readonly #encodable = signal(false);
  /** Whether the user has interacted with the page; browsers block audio before (autoplay policy). */
  readonly #unlocked = signal(false);
  readonly #abort = new AbortController();
  readonly #stopEffect: () => void;
  #context: AudioContext | null = null;
  #player: Promise<void> | null = null;
  #recording: { readonly stream: MediaStream; readonly recorder: AudioWorkletNode } | null = null;

  /** Registers listeners for the first interaction, and keeps the worker's audio settings current. */
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

  /** Requests the microphone and starts the capture. Rejects when the browser or the user refuses. */
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

  /** Connects a microphone stream to a recorder. */
  #record(context: AudioContext, stream: MediaStream): void {
    if (this.#abort.signal.aborted) {
      stopTracks(stream);
      return;
    }
    const source = context.createMediaStreamSource(stream);
    const recorder = new AudioWorkletNode(context, RECORDER, { numberOfInputs: 1, numberOfOutputs: 1, channelCount: 1 });
    this.#worker.attachMicrophone(openPort(recorder));
    // The recorder's output is silent, but nodes without a path to the destination are not processed.
    source.connect(recorder).connect(context.destination);
    this.#recording = { stream, recorder };
    // The user may end the capture in the browser's own controls.
    stream.getAudioTracks()[0]?.addEventListener('ended', () => this.turnMicrophoneOff());
    this.microphoneOn.value = true;
  }

  /** Ends the capture and releases the microphone. */
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

  /** Releases the microphone and the audio context. */
  dispose(): void {
    this.#abort.abort();
    this.#stopEffect();
    this.turnMicrophoneOff();
    void this.#context?.close().catch(() => undefined);
  }

  /** Returns the audio context, created on first use. */
  #audio(): AudioContext {
    this.#context ??= new AudioContext({ sampleRate: RATE, latencyHint: 'interactive' });
    return this.#context;
  }

  /** Starts playback on an interaction of the user, if it is not running. */
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
        // There may be no sound card yet: the next interaction tries again.
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

/** Creates a channel to the node's processor and returns the worker's port of it. */
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
