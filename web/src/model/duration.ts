/** One decimal in the largest unit that is at least one: `54.0s`, `1.5h`, `2.0d`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '–';
  const s = Math.max(0, seconds);
  // Compare what will be printed, so that 59.97 s reads 1.0m and not 60.0s.
  for (const [unit, size, next] of [
    ['s', 1, 60],
    ['m', 60, 60],
    ['h', 3600, 24],
  ] as const) {
    const value = Math.round((s / size) * 10) / 10;
    if (value < next) return `${value.toFixed(1)}${unit}`;
  }
  return `${(s / 86400).toFixed(1)}d`;
}

export function age(iso: string, nowMs: number): string {
  const seconds = (nowMs - Date.parse(iso)) / 1000;
  return Number.isFinite(seconds) ? `${duration(seconds)} ago` : '';
}
