import { useSyncExternalStore } from 'react';
import { applyTheme, KEY, savedTheme, type Theme } from './theme-apply';

export type { Theme };


const listeners = new Set<() => void>();
let current: Theme = savedTheme();

export function setTheme(theme: Theme): void {
  current = theme;
  try {
    if (theme === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // The choice then lasts as long as the page.
  }
  applyTheme();
  for (const listener of listeners) listener();
}

export function useTheme(): Theme {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
