/** Browsers with the File System Access API (Chromium and its kin). */
interface FilePickers {
  readonly showSaveFilePicker?: (options: { readonly suggestedName?: string }) => Promise<FileSystemFileHandle>;
}

/**
 * Lets the user choose where a file is saved; `null`: this browser saves downloads where it always does. To be called
 * in answer to the user's own click.
 */
export async function chooseSaveTarget(name: string): Promise<FileSystemFileHandle | 'cancelled' | null> {
  const { showSaveFilePicker } = window as Window & FilePickers;
  if (showSaveFilePicker === undefined) {
    return null;
  }
  try {
    return await showSaveFilePicker.call(window, { suggestedName: name });
  } catch (error) {
    // Closing the dialog is an answer; a name or a frame that the browser does not allow is not.
    return error instanceof DOMException && error.name === 'AbortError' ? 'cancelled' : null;
  }
}
