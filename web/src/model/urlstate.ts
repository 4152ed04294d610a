/** The state of the grid page as it stands in the address, and back. */

export interface GridView {
  before: string | null;
  perPage: number;
  filter: string;
  regex: boolean;
  grouped: boolean;
  hideGreen: boolean;
  hideUnstable: boolean;
  expanded: readonly string[];
  pin: { sha: string; column: string } | null;
}

export interface Preferences {
  grouped: boolean;
  hideGreen: boolean;
  hideUnstable: boolean;
  perPage: number;
}

export const DEFAULTS: Preferences = { grouped: true, hideGreen: false, hideUnstable: true, perPage: 50 };
export const PAGE_SIZES = [20, 50, 100] as const;

function flag(value: string | null, fallback: boolean): boolean {
  return value === '1' ? true : value === '0' ? false : fallback;
}

export function parseView(search: string, preferences: Preferences = DEFAULTS): GridView {
  const params = new URLSearchParams(search);
  const perPage = Number(params.get('per_page') ?? preferences.perPage);
  const pin = params.get('pin');
  const cut = pin === null ? -1 : pin.indexOf(',');
  return {
    before: params.get('before') || null,
    perPage: Number.isInteger(perPage) && perPage > 0 && perPage <= 100 ? perPage : DEFAULTS.perPage,
    filter: params.get('f') ?? '',
    regex: params.get('re') === '1',
    grouped: flag(params.get('grouped'), preferences.grouped),
    hideGreen: flag(params.get('hide_green'), preferences.hideGreen),
    hideUnstable: flag(params.get('hide_unstable'), preferences.hideUnstable),
    expanded: params.getAll('open'),
    pin: pin !== null && cut > 0 ? { sha: pin.slice(0, cut), column: pin.slice(cut + 1) } : null,
  };
}

/** Only what differs from the built-in defaults, so that the usual address stays short. */
export function formatView(view: GridView): string {
  const params = new URLSearchParams();
  const setFlag = (key: string, value: boolean, fallback: boolean) => {
    if (value !== fallback) params.set(key, value ? '1' : '0');
  };
  if (view.before !== null) params.set('before', view.before);
  if (view.perPage !== DEFAULTS.perPage) params.set('per_page', String(view.perPage));
  if (view.filter !== '') params.set('f', view.filter);
  if (view.regex) params.set('re', '1');
  setFlag('grouped', view.grouped, DEFAULTS.grouped);
  setFlag('hide_green', view.hideGreen, DEFAULTS.hideGreen);
  setFlag('hide_unstable', view.hideUnstable, DEFAULTS.hideUnstable);
  for (const name of view.expanded) params.append('open', name);
  if (view.pin !== null) params.set('pin', `${view.pin.sha},${view.pin.column}`);
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

const KEY = 'trunkline.grid';

export function loadPreferences(storage: Pick<Storage, 'getItem'> | null): Preferences {
  try {
    const raw: unknown = JSON.parse(storage?.getItem(KEY) ?? '{}');
    const saved = (raw !== null && typeof raw === 'object' ? raw : {}) as Record<string, unknown>;
    const bool = (key: keyof Preferences, fallback: boolean) =>
      typeof saved[key] === 'boolean' ? (saved[key] as boolean) : fallback;
    return {
      grouped: bool('grouped', DEFAULTS.grouped),
      hideGreen: bool('hideGreen', DEFAULTS.hideGreen),
      hideUnstable: bool('hideUnstable', DEFAULTS.hideUnstable),
      perPage: PAGE_SIZES.find((n) => n === saved.perPage) ?? DEFAULTS.perPage,
    };
  } catch {
    return DEFAULTS;
  }
}

export function savePreferences(storage: Pick<Storage, 'setItem'> | null, view: Preferences): void {
  try {
    const { grouped, hideGreen, hideUnstable, perPage } = view;
    storage?.setItem(KEY, JSON.stringify({ grouped, hideGreen, hideUnstable, perPage }));
  } catch {
    // A full or forbidden storage only costs the memory of a preference.
  }
}
