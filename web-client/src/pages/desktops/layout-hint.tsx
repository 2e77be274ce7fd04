import { useEffect, useState } from 'preact/hooks';
import { saveSettings, session, settings } from '../../api/session';
import { Icon } from '../../ui/icons';
import { notify } from '../../ui/notices';
import { guessForBrowser } from '../../input/layout-guess';
import { type LayoutChoice, layoutName } from '../../input/layouts';

/** Returns the storage key for the user's answer on this device. */
function answeredKey(): string {
  return `oriel.layout-answered.${session.peek()?.user.id ?? ''}`;
}

/**
 * Whether the user has answered on this device; `true` without storage, where the question would return at each
 * visit.
 */
function isAnswered(): boolean {
  try {
    return localStorage.getItem(answeredKey()) !== null;
  } catch {
    return true;
  }
}

/** Suggestion to use the keyboard layout of the user's device for the desktops; shown once. */
export function LayoutHint() {
  const [guess, setGuess] = useState<LayoutChoice | null>(null);
  const [answered, setAnswered] = useState(isAnswered);
  useEffect(() => void guessForBrowser().then(setGuess), []);
  const current = settings.value;
  if (answered || guess === null || current === null || guess.layout === current.layout) {
    return null;
  }
  const answer = (): void => {
    setAnswered(true);
    try {
      localStorage.setItem(answeredKey(), 'yes');
    } catch {
      // Without storage, the suggestion is not shown at all (isAnswered).
    }
  };
  const use = (): void => {
    answer();
    saveSettings({ layout: guess.layout, layout_variant: guess.variant }).catch(() =>
      notify('The layout could not be stored. Choose it in the settings.'),
    );
  };
  const present = layoutName({ layout: current.layout, variant: current.layout_variant });
  return (
    <aside class="layout-hint" aria-label="Keyboard layout">
      <Icon name="keys" />
      <p>
        Your keyboard looks like {layoutName(guess)}; your desktops have {present}.
      </p>
      <button type="button" class="button primary" onClick={use}>
        Use {layoutName(guess)}
      </button>
      <button type="button" class="button quiet" onClick={answer}>
        Keep {present}
      </button>
    </aside>
  );
}
