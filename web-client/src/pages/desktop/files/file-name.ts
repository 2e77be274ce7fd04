/** Control characters, and those that turn the direction of writing, by which `txt.exe` is shown as `exe.txt`. */
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Reduces a file name to one path component without invisible characters; an empty result becomes `file`. */
export function plainName(name: string): string {
  const component = name.split(/[/\\]/).at(-1) ?? '';
  const plain = component.replace(UNSEEN, '').trim();
  return plain === '' || plain === '.' || plain === '..' ? 'file' : plain;
}

/** Reduces a file name as {@link plainName} does, and removes leading dots: a saved file must not be hidden. */
export function savedName(name: string): string {
  return plainName(plainName(name).replace(/^\.+/, ''));
}
