/** Paths of line icons on a grid of 24x24, drawn for this client. */
const PATHS = {
  more: 'M4.5 11.5h1v1h-1zM11.5 11.5h1v1h-1zM18.5 11.5h1v1h-1z',
  settings: 'M4 7h9M19 7h1M4 17h1M11 17h9M16 4.5v5M8 14.5v5',
  down: 'M6 9.5l6 6 6-6',
  clipboard: 'M8 5.5H5.5v15h13v-15H16M8.5 3.5h7v4h-7zM9 12.5h6M9 16h4',
  upload: 'M12 16V4.5M7 9l5-4.5L17 9M4.5 16v4h15v-4',
  download: 'M12 4.5V16M7 11.5l5 4.5 5-4.5M4.5 16v4h15v-4',
  fit: 'M3.5 5h17v14h-17zM7.5 12h9M9.5 9.5 7 12l2.5 2.5M14.5 9.5 17 12l-2.5 2.5',
  leave: 'M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9',
  fullscreen: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  shrink: 'M9 4v5H4M15 4v5h5M9 20v-5H4M15 20v-5h5',
  pointer: 'M6 3.5 18 12l-5.5 1L9.5 18.5z',
  keys: 'M3 7h18v10H3zM7 10.5h.01M10.5 10.5h.01M14 10.5h.01M17.5 10.5h.01M8 14h8',
  gauge: 'M4 18a8.5 8.5 0 1 1 16 0M12 15l4-5',
  sound: 'M4 9.5v5h3.5L12 19V5L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11',
  muted: 'M4 9.5v5h3.5L12 19V5L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5',
  microphone: 'M12 14a3 3 0 0 0 3-3V6.5a3 3 0 0 0-6 0V11a3 3 0 0 0 3 3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21',
  power: 'M12 4v8M7.5 6.5a7.5 7.5 0 1 0 9 0',
  user: 'M12 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM5 20c.5-4 3.3-6 7-6s6.5 2 7 6',
  close: 'M6 6l12 12M18 6 6 18',
  warning: 'M12 4 21.5 20h-19zM12 10v4.5M12 17.2v.01',
  eye: 'M2.5 12C5 7.5 8.5 5.5 12 5.5s7 2 9.5 6.5c-2.5 4.5-6 6.5-9.5 6.5S5 16.5 2.5 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z',
} as const;

/** Name of an icon. */
export type IconName = keyof typeof PATHS;

/** Line icon, hidden from assistive technology. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
