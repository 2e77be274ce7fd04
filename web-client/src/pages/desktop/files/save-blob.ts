/** Long enough for any browser to have begun with it. */
const REVOKE_DELAY_MS = 60_000;

/** Has the browser save a blob, as it does with downloads. */
export function saveBlob(blob: Blob, name: string): void {
  const anchor = document.createElement('a');
  anchor.href = URL.createObjectURL(blob);
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), REVOKE_DELAY_MS);
}
