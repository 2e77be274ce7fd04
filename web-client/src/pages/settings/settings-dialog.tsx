import { useEffect, useState } from 'preact/hooks';
import { saveSettings, settings } from '../../api/session';
import type { Settings, Theme } from '../../api/types';
import { Choice } from '../../ui/choice';
import { Dialog } from '../../ui/dialog';
import { guessForBrowser } from '../../input/layout-guess';
import { type LayoutChoice, LAYOUTS, layoutName } from '../../input/layouts';

/** Themes with their labels. */
const THEMES: readonly (readonly [Theme, string])[] = [
  ['system', 'As the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

/** Values of `video_only` with their labels. */
const VIDEO: readonly (readonly [boolean | null, string])[] = [
  [null, 'As the pool says'],
  [true, 'On'],
  [false, 'Off'],
];

/** Dialog of the user's settings. Each change is applied and stored at once. */
export function SettingsDialog({ onClose }: { readonly onClose: () => void }) {
  const [error, setError] = useState<string | null>(null);
  const [guess, setGuess] = useState<LayoutChoice | null>(null);
  useEffect(() => void guessForBrowser().then(setGuess), []);
  const current = settings.value;
  if (current === null) {
    return null;
  }

  const change = async (fields: Partial<Settings>): Promise<void> => {
    setError(null);
    try {
      await saveSettings(fields);
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : 'The setting could not be stored. Try again.');
    }
  };
  const setLayout = ({ layout, variant }: LayoutChoice): void => void change({ layout, layout_variant: variant });

  return (
    <Dialog title="Settings" onClose={onClose}>
      <Choice
        legend="Appearance"
        options={THEMES}
        value={current.theme}
        onChange={(theme) => void change({ theme })}
      />
      <KeyboardFields
        value={{ layout: current.layout, variant: current.layout_variant }}
        guess={guess}
        onChange={setLayout}
      />
      <Choice
        legend="Everything as H.264"
        hint="Softer text, for connections on which moving pictures matter most."
        options={VIDEO}
        value={current.video_only}
        onChange={(value) => void change({ video_only: value })}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={current.overlay}
          onChange={({ currentTarget }) => void change({ overlay: currentTarget.checked })}
        />
        <span>
          Show statistics over the desktop
          <small>Latency stage by stage, frames and bytes a second, codec.</small>
        </span>
      </label>
      <p class="form-error" role="alert">
        {error}
      </p>
    </Dialog>
  );
}

interface KeyboardFieldsProps {
  readonly value: LayoutChoice;
  readonly guess: LayoutChoice | null;
  readonly onChange: (choice: LayoutChoice) => void;
}

/** Selection of the keyboard layout and variant, with the browser's suggestion. */
function KeyboardFields({ value, guess, onChange }: KeyboardFieldsProps) {
  const known = LAYOUTS.find(({ layout }) => layout === value.layout);
  const variants = Object.entries(known?.variants ?? {});
  const differs = guess !== null && (guess.layout !== value.layout || guess.variant !== value.variant);
  return (
    <fieldset class="group">
      <legend>Typing</legend>
      <div class="field-row">
        <label class="field">
          Keyboard layout
          <select
            value={value.layout}
            onChange={({ currentTarget }) => onChange({ layout: currentTarget.value, variant: '' })}
          >
            {known === undefined && <option value={value.layout}>{value.layout || 'Not chosen'}</option>}
            {LAYOUTS.map(({ layout, name }) => (
              <option key={layout} value={layout}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          Variant
          <select
            value={value.variant}
            disabled={variants.length === 0}
            onChange={({ currentTarget }) => onChange({ ...value, variant: currentTarget.value })}
          >
            <option value="">Standard</option>
            {variants.map(([variant, name]) => (
              <option key={variant} value={variant}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <p class="hint">
        Reaches a desktop at its next start.
        {differs && (
          <>
            {' '}
            Your browser suggests{' '}
            <button type="button" class="link" onClick={() => onChange(guess)}>
              {layoutName(guess)}
            </button>
            .
          </>
        )}
      </p>
    </fieldset>
  );
}
