/** Control characters, and those that turn the direction of writing, by which `txt.exe` is shown as `exe.txt`. */
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A file's name fit to be shown and sent: one component of a path, without what cannot be seen. */
export function plainName(name: string): string {
  const component = name.split(/[/\\]/).at(-1) ?? '';
  const plain = component.replace(UNSEEN, '').trim();
  return plain === '' || plain === '.' || plain === '..' ? 'file' : plain;
}

/** As {@link plainName}, for a file that is saved here: one that its folder would not show stays in sight. */
export function savedName(name: string): string {
  return plainName(plainName(name).replace(/^\.+/, ''));
}
