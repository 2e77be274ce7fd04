/** Of radio buttons, the chosen one stands for all: arrows go on from there. */
const REACHABLE = 'button:enabled, summary, input:enabled:not([type=radio]:not(:checked)), textarea:enabled, a[href]';

/** What can be reached by Tab within `root`, in order; what a closed fold hides is left out. */
function reachable(root: HTMLElement): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>(REACHABLE)].filter((element) => element.checkVisibility());
}

/** Keeps the focus inside of an open panel: Tab goes round, arrows walk, Home and End leap. */
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
