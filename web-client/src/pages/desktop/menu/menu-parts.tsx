import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from '../../../ui/icons';

interface TileProps {
  readonly icon: IconName;
  readonly label: string;
  /** Makes it a switch. */
  readonly pressed?: boolean;
  readonly onClick: () => void;
}

/** One of the things that are done most. */
export function Tile({ icon, label, pressed, onClick }: TileProps) {
  return (
    <button type="button" class="menu-tile" aria-pressed={pressed} onClick={onClick}>
      <Icon name={icon} />
      <span>{label}</span>
    </button>
  );
}

interface RowProps {
  readonly label: string;
  readonly hint?: string;
  /** Makes it a switch. */
  readonly pressed?: boolean;
  readonly disabled?: boolean;
  readonly danger?: boolean;
  readonly onClick: () => void;
}

/** One line of a fold. */
export function Row({ label, hint, pressed, disabled, danger, onClick }: RowProps) {
  return (
    <button
      type="button"
      class={danger === true ? 'menu-row is-danger' : 'menu-row'}
      role={pressed === undefined ? undefined : 'switch'}
      aria-checked={pressed}
      disabled={disabled}
      onClick={onClick}
    >
      <span>
        {label}
        {hint !== undefined && <small>{hint}</small>}
      </span>
    </button>
  );
}

/** What is wanted now and then; open on request. */
export function MenuSection({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <details class="menu-section" name="session-menu">
      <summary>
        {title}
        <Icon name="down" />
      </summary>
      <div class="menu-section-body">{children}</div>
    </details>
  );
}
