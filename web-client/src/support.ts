/** Whether the device has a touch screen, as its primary input or not. */
export function hasTouch(): boolean {
  return window.matchMedia('(any-pointer: coarse)').matches;
}

/** Browser feature that is needed to show a desktop and missing. */
export interface MissingFeature {
  /** Name of the feature, as shown after "It lacks". */
  readonly feature: string;
  /** Consequence of continuing without the feature, one sentence; `null`: a desktop cannot be shown. */
  readonly limitation: string | null;
}

/** Returns the first missing feature; `null` if the browser has all. */
export function missingSupport(): MissingFeature | null {
  const needed = (feature: string): MissingFeature => ({ feature, limitation: null });
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
    ? { feature: 'WebCodecs', limitation: 'Moving pictures then take more of your line, and there is no sound.' }
    : null;
}
