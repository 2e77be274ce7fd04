/**
 * Place of the application on its origin. A reverse proxy may serve it below a path such as `/vdi/`, so no URL of the
 * page begins at the origin's root.
 */

// The built scripts are one folder below the application, in `assets/`, and so is this module under `npm run dev`.
// The URL is in a variable, since Vite takes the literal pattern for an asset.
const ownUrl = import.meta.url;

/** Path of the application on its origin, with a slash at both ends: `/` or one such as `/vdi/`. */
export const basePath = new URL('..', ownUrl).pathname;

/** Returns the path on the origin of a path within the application, which begins with a slash. */
export function onOrigin(path: string, base = basePath): string {
  return base + path.slice(1);
}

/** Returns the path within the application of a path on the origin; `/` for a path outside of the application. */
export function withinApplication(path: string, base = basePath): string {
  return path.startsWith(base) ? path.slice(base.length - 1) : '/';
}
