import { describe, expect, it } from 'vitest';
import { cellState, fold, notable, type FoldOptions } from './fold';

const names = ['Lint / a', 'trunk / linux test', 'trunk / linux test 2', 'trunk / x (unstable)', 'trunk / x (default, mem_leak_check)'];
const grid = {
  columns: [0, 1, 1, 2, 3].map((group, i) => ({ name: names[i] ?? '', group })),
  groups: [
    { name: 'Lint', persistent: false },
    { name: 'Linux', persistent: false },
    { name: 'Unstable', persistent: false },
    { name: 'Memory Leak Check', persistent: true },
    { name: 'Empty', persistent: false },
  ],
  commits: [
    { sha: 'a'.repeat(40), time: '', title: '', author: '', pr: null, cells: 'OXOXQ', detail: {} },
    { sha: 'b'.repeat(40), time: '', title: '', author: '', pr: null, cells: 'OO?~~', detail: {} },
  ],
};
const base: FoldOptions = { grouped: true, hideGreen: false, hideUnstable: true, filter: '', regex: false, expanded: new Set() };
const show = (patch: Partial<FoldOptions>) => fold(grid, { ...base, ...patch }).columns.map((c) => (c.kind === 'group' ? `[${c.name}]` : c.name));

describe('fold', () => {
  it('shows one column per group that has jobs, in the given order', () => {
    expect(show({})).toEqual(['[Lint]', '[Linux]', '[Memory Leak Check]']);
    expect(show({ hideUnstable: false })).toEqual(['[Lint]', '[Linux]', '[Unstable]', '[Memory Leak Check]']);
  });

  it('unfolds a group in place', () => {
    expect(show({ expanded: new Set(['Linux']) })).toEqual(['[Lint]', '[Linux]', 'trunk / linux test', 'trunk / linux test 2', '[Memory Leak Check]']);
  });

  it('keeps persistent groups and hidden unstable jobs folded in the ungrouped view', () => {
    expect(show({ grouped: false })).toEqual(['Lint / a', 'trunk / linux test', 'trunk / linux test 2', '[Memory Leak Check]', '[Unstable]']);
    expect(show({ grouped: false, hideUnstable: false })).toContain('trunk / x (unstable)');
  });

  it('filters by group name or member, as text or as a regular expression', () => {
    expect(show({ filter: 'LINUX TEST 2', expanded: new Set(['Linux']) })).toEqual(['[Linux]', 'trunk / linux test 2']);
    expect(show({ filter: 'lint' })).toEqual(['[Lint]']);
    expect(show({ filter: '^trunk .*2$', regex: true, grouped: false })).toEqual(['trunk / linux test 2']);
    expect(show({ filter: '(', regex: true })).toEqual([]);
  });

  it('drops columns without a failure on the page', () => {
    expect(show({ hideGreen: true, grouped: false, hideUnstable: false })).toEqual(['trunk / linux test', 'trunk / x (unstable)']);
    expect(show({ hideGreen: true, expanded: new Set(['Linux']) })).toEqual(['[Linux]', 'trunk / linux test']);
  });
});

describe('cells', () => {
  const { columns, warnOnly } = fold(grid, { ...base, hideUnstable: false });

  it('folds members, where an unstable failure only warns', () => {
    expect(columns.map((c) => cellState('OXOXQ', c, warnOnly).letter).join('')).toBe('OXWQ');
    expect(columns.map((c) => cellState('OO?~~', c, warnOnly).letter).join('')).toBe('O?~~');
  });

  it('reads letters that are not there as absent, and shares equal states', () => {
    const job = fold(grid, { ...base, grouped: false }).columns[2];
    if (job === undefined) throw new Error('no column');
    expect(cellState('O', job, warnOnly)).toEqual({ letter: '~', kind: 'absent' });
    expect(cellState('O', job, warnOnly)).toBe(cellState('O', job, warnOnly));
  });

  it('lists what a group tooltip names, worst first', () => {
    const linux = columns.find((c) => c.kind === 'group' && c.name === 'Linux');
    if (linux?.kind !== 'group') throw new Error('no group');
    expect(notable('O?X', linux, warnOnly).map((m) => [m.index, m.letter])).toEqual([[2, 'X'], [1, '?']]);
  });
});
