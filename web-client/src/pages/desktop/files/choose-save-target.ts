/** File System Access API of Chromium browsers. */
interface FilePickers {
  readonly showSaveFilePicker?: (options: { readonly suggestedName?: string }) => Promise<FileSystemFileHandle>;
}

/**
 * Opens the browser's save dialog, which requires a user gesture. Resolves with `'cancelled'` if the user closed it,
 * and with `null` if the browser saves downloads without a dialog of the page.
 */
export async function chooseSaveTarget(name: string): Promise<FileSystemFileHandle | 'cancelled' | null> {
  const { showSaveFilePicker } = window as Window & FilePickers;
  if (showSaveFilePicker === undefined) {
    return null;
  }
  try {
    return await showSaveFilePicker.call(window, { suggestedName: name });
  } catch (error) {
    // AbortError: the user closed the dialog. Other errors concern the name or the frame; the browser then saves.
    return error instanceof DOMException && error.name === 'AbortError' ? 'cancelled' : null;
  }
}
