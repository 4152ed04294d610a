import { describe, expect, it } from 'vitest';
import { github, parseRoute, paths, safeUrl } from './routes';
import { DEFAULTS, formatView, loadPreferences, parseView, savePreferences, type GridView } from './urlstate';

describe('routes', () => {
  it('reads every page', () => {
    expect(parseRoute('/')).toEqual({ page: 'grid', repo: null, branch: null });
    expect(parseRoute('/hud/o/n')).toEqual({ page: 'grid', repo: 'o/n', branch: null });
    expect(parseRoute('/hud/o/n/main')).toEqual({ page: 'grid', repo: 'o/n', branch: 'main' });
    expect(parseRoute('/hud/o/n/viable/strict')).toEqual({ page: 'grid', repo: 'o/n', branch: 'viable/strict' });
    expect(parseRoute('/commit/o/n/abc')).toEqual({ page: 'commit', repo: 'o/n', sha: 'abc' });
    expect(parseRoute('/fleet')).toEqual({ page: 'fleet' });
    expect(parseRoute('/hud/o').page).toBe('unknown');
    expect(parseRoute('/commit/o/n').page).toBe('unknown');
    expect(parseRoute('/%zz').page).toBe('unknown');
  });

  it.each(['main', 'viable/strict', 'a b', 'x#y?z', 'ü', '100%'])('finds branch %s again', (branch) => {
    expect(parseRoute(new URL(paths.grid('o/n', branch), 'http://h').pathname)).toEqual({ page: 'grid', repo: 'o/n', branch });
  });

  it('links only to web addresses', () => {
    expect(safeUrl('javascript:alert(1)')).toBeUndefined();
    expect(safeUrl('https://github.com/x')).toBe('https://github.com/x');
    expect(github.pull('o/n', 7)).toBe('https://github.com/o/n/pull/7');
  });
});

describe('view state', () => {
  const view: GridView = {
    before: 'abc', perPage: 100, filter: 'linux (a, b) & c', regex: true, grouped: false, hideGreen: true, hideUnstable: false, expanded: ['Linux', 'Other viable/strict, etc'], pin: { sha: 'abc', column: 'j:a, b / c' },
  };

  it('survives the address', () => {
    expect(parseView(formatView(view))).toEqual(view);
  });

  it('leaves defaults out', () => {
    expect(formatView(parseView(''))).toBe('');
    expect(parseView('').perPage).toBe(DEFAULTS.perPage);
  });

  it('takes preferences where the address is silent, and the address where it speaks', () => {
    const saved = { ...DEFAULTS, grouped: false, perPage: 20 };
    expect(parseView('', saved)).toMatchObject({ grouped: false, perPage: 20 });
    expect(parseView('?grouped=1&per_page=50', saved)).toMatchObject({ grouped: true, perPage: 50 });
  });

  it('survives nonsense', () => {
    expect(parseView('?per_page=-4&grouped=x&pin=,&before=')).toEqual(parseView(''));
    expect(loadPreferences({ getItem: () => '{' })).toEqual(DEFAULTS);
    expect(loadPreferences({ getItem: () => '{"grouped":"no","perPage":7}' })).toEqual(DEFAULTS);
    expect(loadPreferences(null)).toEqual(DEFAULTS);
  });

  it('remembers preferences', () => {
    let text = '';
    savePreferences({ setItem: (_k, v) => (text = v) as unknown as void }, { ...DEFAULTS, hideGreen: true });
    expect(loadPreferences({ getItem: () => text })).toEqual({ ...DEFAULTS, hideGreen: true });
  });
});
