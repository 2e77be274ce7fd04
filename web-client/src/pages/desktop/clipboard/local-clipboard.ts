/** Access to the user's clipboard within the browser's permissions (W3C Clipboard API). */
import { MAX_CLIPBOARD_BYTES } from '../../../protocol/client-messages';
import type { ClipboardContents } from '../../../worker/messages';

/** Contents of a `paste` event. */
export interface Pasted {
  /** Text and picture. */
  readonly contents: ClipboardContents;
  /** Files, if there is neither text nor a picture. */
  readonly files: readonly File[];
}

/** Reads the data of a `paste` event, while it is dispatched; this needs no permission. */
export function readPasteEvent(data: DataTransfer): Pasted {
  const text = data.getData('text/plain');
  const files = [...data.items].filter(({ kind }) => kind === 'file').map((item) => item.getAsFile());
  const found = files.filter((file) => file !== null);
  // Browsers give copied pictures this name; copied files keep their own.
  const png = found.find(({ type, name }) => type === 'image/png' && name === 'image.png') ?? null;
  return {
    contents: { text: text === '' ? null : plainLines(text), png },
    files: text === '' && png === null ? found : [],
  };
}

/** Converts line ends to those of the guest: line feeds. */
function plainLines(text: string): string {
  return text.replaceAll('\r\n', '\n');
}

/** Whether there are neither text nor picture. */
export function isEmpty({ text, png }: ClipboardContents): boolean {
  return text === null && png === null;
}

/** Whether a part exceeds the maximum size. */
export function isTooLarge({ text, png }: ClipboardContents): boolean {
  // UTF-8 takes at most three bytes per UTF-16 code unit; the exact size is computed only near the limit.
  const textTooLarge = text !== null && text.length * 3 > MAX_CLIPBOARD_BYTES && new Blob([text]).size > MAX_CLIPBOARD_BYTES;
  return textTooLarge || (png !== null && png.size > MAX_CLIPBOARD_BYTES);
}

/** Queries the permission `clipboard-read`; `unknown`: the browser has none. */
export async function readPermission(): Promise<PermissionState | 'unknown'> {
  try {
    return (await navigator.permissions.query({ name: 'clipboard-read' as PermissionName })).state;
  } catch {
    return 'unknown';
  }
}

/** Reads the clipboard; the browser may ask the user. Rejects when it refuses. */
export async function readLocal(): Promise<ClipboardContents> {
  const items = await navigator.clipboard.read();
  const find = async (type: string): Promise<Blob | null> =>
    (await items.find(({ types }) => types.includes(type))?.getType(type)) ?? null;
  const [text, png] = [await find('text/plain'), await find('image/png')];
  return { text: text === null ? null : plainLines(await text.text()), png };
}

/** Writes the clipboard. Rejects when the browser refuses, as some do without a user gesture. */
export async function writeLocal({ text, png }: ClipboardContents): Promise<void> {
  if (png === null) {
    await navigator.clipboard.writeText(text ?? '');
    return;
  }
  const data: Record<string, Blob> = { 'image/png': png };
  if (text !== null) {
    data['text/plain'] = new Blob([text], { type: 'text/plain' });
  }
  await navigator.clipboard.write([new ClipboardItem(data)]);
}

/** Computes a string that identifies contents. Pictures are compared by pixels, since browsers encode them anew. */
export async function fingerprint({ text, png }: ClipboardContents): Promise<string> {
  return `${text ?? ''}\0${png === null ? '' : await pixelHash(png)}`;
}

/** Computes size and SHA-256 of a picture's pixels. */
async function pixelHash(png: Blob): Promise<string> {
  try {
    const bitmap = await createImageBitmap(png);
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext('2d');
    context?.drawImage(bitmap, 0, 0);
    bitmap.close();
    const pixels = context?.getImageData(0, 0, canvas.width, canvas.height).data ?? new Uint8ClampedArray();
    const digest = await crypto.subtle.digest('SHA-256', pixels);
    return `${canvas.width}x${canvas.height} ${new Uint8Array(digest).join()}`;
  } catch {
    return 'no picture';
  }
}
