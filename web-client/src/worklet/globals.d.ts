/** What an AudioWorkletGlobalScope has and TypeScript's libraries lack. */
declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
  /** Inputs and outputs, their channels, and 128 samples of each. Answers whether it wants to live on. */
  abstract process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean;
}

declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;
