const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

function clock(date: Date): string {
  const hours = date.getHours();
  const minutes = String(date.getMinutes()).padStart(2, '0');
  return `${hours % 12 === 0 ? 12 : hours % 12}:${minutes} ${hours < 12 ? 'am' : 'pm'}`;
}

/** Local time, as short as is unambiguous: `3:04 pm`, `Tue 3:04 pm`, `11/3 3:04 pm`. */
export function shortTime(iso: string, nowMs: number): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '';
  const now = new Date(nowMs);
  if (date.toDateString() === now.toDateString()) return clock(date);
  if (Math.abs(nowMs - date.getTime()) < 7 * 86400_000) return `${DAYS[date.getDay()] ?? ''} ${clock(date)}`;
  return `${date.getMonth() + 1}/${date.getDate()} ${clock(date)}`;
}

export function clockWithSeconds(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '–';
  // By hand: the first use of the locale machinery costs more than drawing a screen of cells.
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
}
