import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from '../../../ui/icons';

interface TileProps {
  readonly icon: IconName;
  readonly label: string;
  /** State of a switch; without it, the tile is a command. */
  readonly pressed?: boolean;
  readonly onClick: () => void;
}

/** Large button for a frequent action. */
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
  /** State of a switch; without it, the row is a command. */
  readonly pressed?: boolean;
  readonly disabled?: boolean;
  readonly danger?: boolean;
  readonly onClick: () => void;
}

/** Row of a menu section. */
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

/** Collapsible section of the menu; at most one is open. */
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
