import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from './icons';

/** Entry of a {@link Menu}. */
export interface MenuItem {
  /** Label. */
  readonly label: string;
  /** Description of the entry, one sentence. */
  readonly hint?: string;
  /** Whether the entry is destructive. */
  readonly danger?: boolean;
  /** State of a check box; without it, the entry is a command. */
  readonly checked?: boolean;
  /** Whether the entry cannot be chosen. */
  readonly disabled?: boolean;
  /** Carries out the command. */
  readonly run: () => void;
}

interface MenuProps {
  readonly label: string;
  readonly icon: IconName;
  readonly items: readonly MenuItem[];
  /** Content beside the icon of the button. */
  readonly children?: ComponentChildren;
}

/**
 * Button with a popup menu (WAI-ARIA menu button pattern): arrow keys move the focus; Escape, and a press outside of
 * the menu, close it.
 */
export function Menu({ label, icon, items, children }: MenuProps) {
  const [open, setOpen] = useState(false);
  const [upwards, setUpwards] = useState(false);
  const id = useId();
  const root = useRef<HTMLDivElement>(null);
  const trigger = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    if (!open) {
      return undefined;
    }
    const below = window.innerHeight - (trigger.current?.getBoundingClientRect().bottom ?? 0);
    setUpwards(below < (list.current?.offsetHeight ?? 0) + 8);
    entries(root.current)[0]?.focus({ preventScroll: true });
    const closeOutside = (event: Event): void => {
      if (event.target instanceof Node && root.current?.contains(event.target) === false) {
        setOpen(false);
      }
    };
    document.addEventListener('pointerdown', closeOutside, true);
    return () => document.removeEventListener('pointerdown', closeOutside, true);
  }, [open]);

  const close = (): void => {
    setOpen(false);
    trigger.current?.focus();
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const all = entries(root.current);
    const at = all.findIndex((entry) => entry === document.activeElement);
    const step: Readonly<Record<string, number>> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
    const to = step[event.key];
    if (event.key === 'Escape') {
      event.stopPropagation();
      close();
    } else if (event.key === 'Tab') {
      setOpen(false);
    } else if (to !== undefined) {
      event.preventDefault();
      all.at(to % all.length)?.focus();
    }
  };

  return (
    <div class="menu" ref={root}>
      <button
        type="button"
        class={children === undefined ? 'button quiet square' : 'button quiet'}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={id}
        ref={trigger}
        onClick={() => setOpen(!open)}
      >
        <Icon name={icon} />
        {children}
      </button>
      {open && (
        <div
          class={upwards ? 'menu-list is-upwards' : 'menu-list'}
          role="menu"
          id={id}
          aria-label={label}
          ref={list}
          onKeyDown={onKeyDown}
        >
          {items.map((item) => (
            <button
              type="button"
              role={item.checked === undefined ? 'menuitem' : 'menuitemcheckbox'}
              aria-checked={item.checked}
              tabIndex={-1}
              key={item.label}
              class={item.danger === true ? 'menu-item danger' : 'menu-item'}
              disabled={item.disabled}
              onClick={() => {
                close();
                item.run();
              }}
            >
              {item.label}
              {item.hint !== undefined && <small>{item.hint}</small>}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

/** Returns the enabled entries in order. */
function entries(root: HTMLElement | null): HTMLButtonElement[] {
  return [...(root?.querySelectorAll<HTMLButtonElement>('[role^=menuitem]:enabled') ?? [])];
}
