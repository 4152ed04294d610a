export type Theme = 'system' | 'light' | 'dark';

export const KEY = 'trunkline.theme';

export function savedTheme(): Theme {
  try {
    const saved = localStorage.getItem(KEY);
    return saved === 'light' || saved === 'dark' ? saved : 'system';
  } catch {
    return 'system';
  }
}

/** Marks the document before anything is drawn, so that no page flashes in the wrong theme. */
export function applyTheme(): void {
  const theme = savedTheme();
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
