import { useSyncExternalStore } from 'react';

/** Sizes the virtual grid computes with; the style sheet gets them as variables. */
export interface Metrics {
  column: number;
  row: number;
  head: number;
  meta: number;
  /** Longest header text, in characters, that fits the rotated head. */
  headChars: number;
}

export const META_COLUMNS = 5;
export const CHUNK = 8;

const WIDE: Metrics = { column: 16, row: 20, head: 150, meta: 676, headChars: 33 };
const MIDDLE: Metrics = { ...WIDE, meta: 596 };
const MEDIUM: Metrics = { column: 16, row: 20, head: 150, meta: 400, headChars: 33 };
const PHONE: Metrics = { column: 20, row: 38, head: 116, meta: 150, headChars: 24 };

const phone = '(max-width: 640px)';
const medium = '(max-width: 1100px)';
const middle = '(max-width: 1360px)';

function pick(): Metrics {
  if (window.matchMedia(phone).matches) return PHONE;
  if (window.matchMedia(medium).matches) return MEDIUM;
  return window.matchMedia(middle).matches ? MIDDLE : WIDE;
}

function subscribe(listener: () => void): () => void {
  const queries = [phone, medium, middle].map((q) => window.matchMedia(q));
  for (const q of queries) q.addEventListener('change', listener);
  return () => {
    for (const q of queries) q.removeEventListener('change', listener);
  };
}

const tall = new Map<Metrics, Metrics>();

/** Job names are longer than group names: with any job column in view the head grows. */
function taller(metrics: Metrics): Metrics {
  let found = tall.get(metrics);
  if (found === undefined) {
    found = metrics === PHONE ? { ...metrics, head: 146, headChars: 30 } : { ...metrics, head: 204, headChars: 44 };
    tall.set(metrics, found);
  }
  return found;
}

export function useMetrics(jobs: boolean): Metrics {
  const metrics = useSyncExternalStore(subscribe, pick);
  return jobs ? taller(metrics) : metrics;
}
