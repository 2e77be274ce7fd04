const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Formats the time from `since` to `now` (milliseconds since the epoch) for "Running …"; `null` if `since` is NaN. */
export function elapsed(since: number, now: number): string | null {
  if (Number.isNaN(since)) {
    return null;
  }
  const passed = Math.max(0, now - since);
  if (passed < MINUTE) {
    return 'just now';
  }
  if (passed < HOUR) {
    return `for ${Math.floor(passed / MINUTE)} min`;
  }
  if (passed < DAY) {
    return `for ${Math.floor(passed / HOUR)} h`;
  }
  const days = Math.floor(passed / DAY);
  return days === 1 ? 'for a day' : `for ${days} days`;
}
