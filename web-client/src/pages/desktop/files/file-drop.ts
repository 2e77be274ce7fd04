import { signal } from '@preact/signals';
import { notify } from '../../../ui/notices';

/** Drop target for files over the picture. */
export class FileDrop {
  /** Whether files that can be dropped are dragged over the picture. */
  readonly hovering = signal(false);
  readonly #abort = new AbortController();

  /** Registers the event listeners. `canDrop`: whether the guest accepts files now; `onFiles` receives dropped files. */
  constructor(target: HTMLElement, canDrop: () => boolean, onFiles: (files: readonly File[]) => void) {
    const { signal } = this.#abort;
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;
    target.addEventListener(
      'dragover',
      (event) => {
        if (hasFiles(event)) {
          // By default, the browser navigates to a dropped file.
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

  /** Removes the event listeners. */
  dispose(): void {
    this.#abort.abort();
  }
}

/** Returns the files of a drop; folders are left out with a notice. */
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
