import { useId } from 'preact/hooks';

interface ChoiceProps<T> {
  readonly legend: string;
  readonly hint?: string;
  readonly options: readonly (readonly [value: T, label: string])[];
  readonly value: T;
  readonly onChange: (value: T) => void;
}

/** Choice of one option: radio buttons in the look of a segmented control. */
export function Choice<T>({ legend, hint, options, value, onChange }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset class="group">
      <legend>{legend}</legend>
      <div class="segments">
        {options.map(([option, label]) => (
          <label class="segment" key={label}>
            <input type="radio" name={name} checked={option === value} onChange={() => onChange(option)} />
            <span>{label}</span>
          </label>
        ))}
      </div>
      {hint !== undefined && <p class="hint">{hint}</p>}
    </fieldset>
  );
}
