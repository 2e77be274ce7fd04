/** Where the bytes of a file go. */
export interface Sink {
  readonly write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
  /** All is there; gives it back where the browser is to save it. */
  readonly finish: () => Promise<Blob | null>;
  /** Nothing of it is left behind; never fails. */
  readonly abort: () => Promise<void>;
}

/** Chromium can remove a file that it made. */
interface RemovableHandle extends FileSystemFileHandle {
  readonly remove?: () => Promise<void>;
}

/** Small pieces are made one so often: a browser keeps large blobs on the disk, and bytes in memory. */
const GATHERED = 4 << 20;

/** Into the file that the user chose; without one, into a blob. */
export function sinkInto(handle: FileSystemFileHandle | null): Sink {
  return handle === null ? intoBlob() : intoFile(handle);
}

function intoFile(handle: RemovableHandle): Sink {
  let opened: Promise<FileSystemWritableFileStream> | null = null;
  const file = (): Promise<FileSystemWritableFileStream> => (opened ??= handle.createWritable());
  return {
    write: async (bytes) => (await file()).write(bytes),
    finish: async () => {
      await (await file()).close();
      return null;
    },
    abort: async () => {
      try {
        await (await opened)?.abort();
        await handle.remove?.();
      } catch {
        // What cannot be removed stays, empty.
      }
    },
  };
}

function intoBlob(): Sink {
  let parts: BlobPart[] = [];
  let gathered = 0;
  let whole: Blob[] = [];
  return {
    write: (bytes) => {
      parts.push(bytes);
      gathered += bytes.length;
      if (gathered >= GATHERED) {
        whole.push(new Blob(parts));
        parts = [];
        gathered = 0;
      }
      return Promise.resolve();
    },
    finish: () => Promise.resolve(new Blob([...whole, ...parts])),
    abort: () => {
      parts = [];
      whole = [];
      return Promise.resolve();
    },
  };
}
