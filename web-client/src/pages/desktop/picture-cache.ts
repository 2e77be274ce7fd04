import { effect } from '@preact/signals';
import { session } from '../../api/session';

/** A picture of a whole screen is megabytes. */
const MAX_PICTURES = 2;

const pictures = new Map<string, ImageBitmap>();

// What was on a screen is nobody else's to see.
effect(() => {
  if (session.value === null) {
    for (const picture of pictures.values()) {
      picture.close();
    }
    pictures.clear();
  }
});

function keyOf(desktopId: string, screen: number): string {
  return `${desktopId} ${screen}`;
}

/**
 * Keeps what a desktop showed when the user left it, for the moment when they come back. In memory
 * only: nothing of a desktop stays on the device.
 */
export function cachePicture(desktopId: string, screen: number, picture: ImageBitmap): void {
  if (!session.peek()) {
    picture.close();
    return;
  }
  takeCachedPicture(desktopId, screen)?.close();
  pictures.set(keyOf(desktopId, screen), picture);
  for (const [key, oldest] of pictures) {
    if (pictures.size <= MAX_PICTURES) {
      break;
    }
    oldest.close();
    pictures.delete(key);
  }
}

export function takeCachedPicture(desktopId: string, screen: number): ImageBitmap | null {
  const key = keyOf(desktopId, screen);
  const picture = pictures.get(key) ?? null;
  pictures.delete(key);
  return picture;
}
