/**
 * Selector of elements that can be focused; of a group of radio buttons only the checked one, as for the browser's
 * Tab order.
 */
const REACHABLE = 'button:enabled, summary, input:enabled:not([type=radio]:not(:checked)), textarea:enabled, a[href]';

/** Returns the focusable elements within `root` in order, without those in closed sections. */
function reachable(root: HTMLElement): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>(REACHABLE)].filter((element) => element.checkVisibility());
}

/** Keyboard handler that keeps the focus in an open panel: Tab wraps around; arrow keys, Home and End move the focus. */
export function moveFocus(event: KeyboardEvent, root: HTMLElement): void {
  const all = reachable(root);
  const at = all.findIndex((element) => element === document.activeElement);
  const isField = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
  const steps: Readonly<Record<string, number>> = {
    Tab: at + (event.shiftKey ? -1 : 1),
    ...(isField ? {} : { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: -1 }),
  };
  const to = steps[event.key];
  if (to !== undefined && all.length > 0) {
    event.preventDefault();
    all.at(to % all.length)?.focus();
  }
}
