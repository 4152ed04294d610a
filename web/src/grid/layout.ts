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
export const CHUNK = 16;

const WIDE: Metrics = { column: 16, row: 20, head: 150, meta: 596, headChars: 33 };
const MEDIUM: Metrics = { column: 16, row: 20, head: 150, meta: 400, headChars: 33 };
const PHONE: Metrics = { column: 20, row: 38, head: 116, meta: 150, headChars: 24 };

const phone = '(max-width: 640px)';
const medium = '(max-width: 1100px)';

function pick(): Metrics {
  if (window.matchMedia(phone).matches) return PHONE;
  return window.matchMedia(medium).matches ? MEDIUM : WIDE;
}

function subscribe(listener: () => void): () => void {
  const queries = [window.matchMedia(phone), window.matchMedia(medium)];
  for (const q of queries) q.addEventListener('change', listener);
  return () => {
    for (const q of queries) q.removeEventListener('change', listener);
  };
}

export const useMetrics = (): Metrics => useSyncExternalStore(subscribe, pick);
