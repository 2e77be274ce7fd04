/** Destination of the bytes of a download. */
export interface Sink {
  /** Appends a chunk; rejects when the storage fails. */
  readonly write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
  /** Completes the file. Resolves with a blob if the browser has to save it, with `null` if it is stored already. */
  readonly finish: () => Promise<Blob | null>;
  /** Discards everything that was written; never rejects. */
  readonly abort: () => Promise<void>;
}

/** File handle with Chromium's `remove()`, which is not in the File System standard yet. */
interface RemovableHandle extends FileSystemFileHandle {
  readonly remove?: () => Promise<void>;
}

/** Bytes after which chunks are combined into one blob: browsers keep large blobs on disk, but typed arrays in memory. */
const BLOB_PART_BYTES = 4 << 20;

/** Creates a sink that writes to the chosen file; without a handle, one that collects a blob. */
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
        // A file that cannot be removed remains, empty.
      }
    },
  };
}

function intoBlob(): Sink {
  let parts: BlobPart[] = [];
  let gathered = 0;
  let blobs: Blob[] = [];
  return {
    write: (bytes) => {
      parts.push(bytes);
      gathered += bytes.length;
      if (gathered >= BLOB_PART_BYTES) {
        blobs.push(new Blob(parts));
        parts = [];
        gathered = 0;
      }
      return Promise.resolve();
    },
    finish: () => Promise.resolve(new Blob([...blobs, ...parts])),
    abort: () => {
      parts = [];
      blobs = [];
      return Promise.resolve();
    },
  };
}
