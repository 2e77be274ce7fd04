/** Whether a finger can point here. */
export function hasTouch(): boolean {
  return window.matchMedia('(any-pointer: coarse)').matches;
}

/** What showing a desktop needs and this browser lacks. */
export interface MissingFeature {
  readonly what: string;
  /** A desktop can be shown all the same, with less. */
  readonly without: string | null;
}

/** `null`: nothing is lacking. */
export function missingSupport(): MissingFeature | null {
  const needed = (what: string): MissingFeature => ({ what, without: null });
  if (!window.isSecureContext) {
    return needed('a secure connection (https, or http on localhost)');
  }
  if (typeof Worker === 'undefined') {
    return needed('workers');
  }
  if (typeof WebSocket === 'undefined') {
    return needed('WebSockets');
  }
  if (typeof OffscreenCanvas === 'undefined' || !('transferControlToOffscreen' in HTMLCanvasElement.prototype)) {
    return needed('a canvas that a worker can paint');
  }
  return typeof VideoDecoder === 'undefined'
    ? { what: 'WebCodecs', without: 'Moving pictures then take more of your line, and there is no sound.' }
    : null;
}
