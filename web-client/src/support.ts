/** Whether a finger can point here. */
export function hasTouch(): boolean {
  return window.matchMedia('(any-pointer: coarse)').matches;
}

/** What showing a desktop needs of the browser and this one lacks; `null`: nothing. */
export function missingSupport(): string | null {
  if (typeof Worker === 'undefined' || typeof WebSocket === 'undefined') {
    return 'workers';
  }
  if (typeof OffscreenCanvas === 'undefined' || !('transferControlToOffscreen' in HTMLCanvasElement.prototype)) {
    return 'a canvas that a worker can paint';
  }
  return window.isSecureContext ? null : 'a secure connection (https, or http on localhost)';
}
