/** The clipboard of the user's computer, as far as the browser lets a page have it. */
import { MAX_CLIPBOARD_BYTES } from '../../../protocol/client-messages';
import type { ClipboardContents } from '../../../worker/messages';

/** What was pasted, and the files among it. */
export interface Pasted {
  readonly contents: ClipboardContents;
  readonly files: readonly File[];
}

/** Reads what a `paste` event brings; has to be called while it is dispatched. No permission is asked for. */
export function readPasteEvent(data: DataTransfer): Pasted {
  const text = data.getData('text/plain');
  const files = [...data.items].filter(({ kind }) => kind === 'file').map((item) => item.getAsFile());
  const found = files.filter((file) => file !== null);
  // A picture that was copied as one has this name in every browser; a copied file has its own.
  const png = found.find(({ type, name }) => type === 'image/png' && name === 'image.png') ?? null;
  return {
    contents: { text: text === '' ? null : plainLines(text), png },
    files: text === '' && png === null ? found : [],
  };
}

/** The guest's line ends are line feeds. */
function plainLines(text: string): string {
  return text.replaceAll('\r\n', '\n');
}

export function isEmpty({ text, png }: ClipboardContents): boolean {
  return text === null && png === null;
}

/** Whether it is more than travels. */
export function isTooLarge({ text, png }: ClipboardContents): boolean {
  // No character takes more than three bytes for each of its code units.
  const textTooLarge = text !== null && text.length * 3 > MAX_CLIPBOARD_BYTES && new Blob([text]).size > MAX_CLIPBOARD_BYTES;
  return textTooLarge || (png !== null && png.size > MAX_CLIPBOARD_BYTES);
}

/** Whether the page may look into the clipboard by itself; `unknown`: this browser has no such permission. */
export async function readPermission(): Promise<PermissionState | 'unknown'> {
  try {
    return (await navigator.permissions.query({ name: 'clipboard-read' as PermissionName })).state;
  } catch {
    return 'unknown';
  }
}

/** Reads the clipboard; asks the user where that is needed. Throws where it is refused. */
export async function readLocal(): Promise<ClipboardContents> {
  const items = await navigator.clipboard.read();
  const find = async (type: string): Promise<Blob | null> =>
    (await items.find(({ types }) => types.includes(type))?.getType(type)) ?? null;
  const [text, png] = [await find('text/plain'), await find('image/png')];
  return { text: text === null ? null : plainLines(await text.text()), png };
}

/** Writes the clipboard; throws where the browser refuses, as some do outside of a click or key press. */
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

/**
 * What tells contents apart. Browsers encode pictures anew on their way through the clipboard, so
 * their pixels count.
 */
export async function fingerprint({ text, png }: ClipboardContents): Promise<string> {
  return `${text ?? ''}\0${png === null ? '' : await pixelHash(png)}`;
}

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
