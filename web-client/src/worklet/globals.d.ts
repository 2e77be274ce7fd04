/** Base class of processors on the audio thread. */
declare abstract class AudioWorkletProcessor {
  /** Port to the AudioWorkletNode. */
  readonly port: MessagePort;
  /**
   * Processes one render quantum: inputs and outputs, their channels, 128 samples each. Returns whether the processor
   * stays active.
   */
  abstract process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean;
}

/** Registers a processor class by name. */
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;
