import { signal } from '@preact/signals';
import { notify } from '../../../ui/notices';

/** Files over the picture, and dropped onto it. */
export class FileDrop {
  /** Files hang over the picture now. */
  readonly hovering = signal(false);
  readonly #abort = new AbortController();

  constructor(target: HTMLElement, canDrop: () => boolean, onFiles: (files: readonly File[]) => void) {
    const { signal } = this.#abort;
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;
    target.addEventListener(
      'dragover',
      (event) => {
        if (hasFiles(event)) {
          // Without this the browser would leave the page for the file.
          event.preventDefault();
          const accepted = canDrop();
          if (event.dataTransfer !== null) {
            event.dataTransfer.dropEffect = accepted ? 'copy' : 'none';
          }
          this.hovering.value = accepted;
        }
      },
      { signal },
    );
    target.addEventListener('dragleave', ({ relatedTarget }) => {
      if (!(relatedTarget instanceof Node) || !target.contains(relatedTarget)) {
        this.hovering.value = false;
      }
    }, { signal });
    target.addEventListener(
      'drop',
      (event) => {
        this.hovering.value = false;
        if (hasFiles(event) && event.dataTransfer !== null) {
          event.preventDefault();
          onFiles(filesOf(event.dataTransfer));
        }
      },
      { signal },
    );
  }

  dispose(): void {
    this.#abort.abort();
  }
}

/** The files of a drop; folders are left out, with a word. */
function filesOf(data: DataTransfer): File[] {
  const items = [...data.items].filter(({ kind }) => kind === 'file');
  const isFolder = (item: DataTransferItem): boolean => item.webkitGetAsEntry()?.isDirectory === true;
  if (items.some(isFolder)) {
    notify('Folders cannot be sent. Pack them into one file, and send that.');
  }
  return items
    .filter((item) => !isFolder(item))
    .map((item) => item.getAsFile())
    .filter((file) => file !== null);
}
