import { Icon, type IconName } from '../../design/icons';

interface ToolProps {
  readonly icon: IconName;
  readonly label: string;
  readonly pressed?: boolean;
  readonly onClick: () => void;
}

/** One button of the toolbar. */
export function Tool({ icon, label, pressed, onClick }: ToolProps) {
  return (
    <button type="button" class="button quiet tool" title={label} aria-pressed={pressed} onClick={onClick}>
      <Icon name={icon} />
      <span class="tool-label">{label}</span>
    </button>
  );
}
