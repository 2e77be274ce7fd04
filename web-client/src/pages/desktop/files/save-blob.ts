/** Delay before the blob's URL is revoked, in milliseconds; the browser has started to read the blob by then. */
const REVOKE_DELAY_MS = 60_000;

/** Saves a blob as a download of the browser. */
export function saveBlob(blob: Blob, name: string): void {
  const anchor = document.createElement('a');
  anchor.href = URL.createObjectURL(blob);
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), REVOKE_DELAY_MS);
}
