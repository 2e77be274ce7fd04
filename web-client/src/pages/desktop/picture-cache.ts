import { effect } from '@preact/signals';
import { session } from '../../api/session';

/** Number of cached pictures; each takes megabytes of memory. */
const MAX_PICTURES = 2;

/** Pictures by desktop and screen, the oldest first. */
const pictures = new Map<string, ImageBitmap>();

// Pictures are cleared at logout, so that the next user cannot see them.
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
 * Stores the last picture of a desktop's screen, to be shown while the user reconnects. Pictures are kept in memory
 * only, and not without a session. Takes ownership of `picture`.
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

/** Removes and returns the cached picture of a desktop's screen; `null`: none. The caller closes it. */
export function takeCachedPicture(desktopId: string, screen: number): ImageBitmap | null {
  const key = keyOf(desktopId, screen);
  const picture = pictures.get(key) ?? null;
  pictures.delete(key);
  return picture;
}
