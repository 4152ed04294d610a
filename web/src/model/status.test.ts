import { describe, expect, it } from 'vitest';
import { groupLetter, isFailure, statusClass, type StatusClass } from './status';

describe('statusClass', () => {
  it('knows every letter of the grid', () => {
    expect([...'OFXCT?QSN~U'].map((l) => statusClass(l))).toEqual([
      'success', 'flaky', 'failure', 'cancelled', 'timeout', 'running', 'queued', 'skipped', 'neutral', 'absent', 'other',
    ]);
  });

  it('turns failures of jobs that do not block into warnings, and nothing else', () => {
    expect([...'XTOC?'].map((l) => statusClass(l, true))).toEqual(['warning', 'warning', 'success', 'cancelled', 'running']);
  });

  it('calls red, orange and cancelled cells failures', () => {
    expect([...'XTCWOFQ?~'].filter((l) => isFailure(statusClass(l))).join('')).toBe('XTCW');
  });
});

describe('groupLetter', () => {
  const fold = (letters: string) => groupLetter([...letters].map((l) => statusClass(l)));

  it.each([
    ['OOOX?FWQ~', 'X'],
    ['OT', 'X'],
    ['O?FWQ', '?'],
    ['OFWQ', 'F'],
    ['OWQ', 'W'],
    ['OC', 'W'],
    ['OQ~', 'Q'],
    ['~~~', '~'],
    ['', '~'],
    ['O~~', 'O'],
    ['SN', 'O'],
  ])('%s folds to %s', (letters, expected) => {
    expect(fold(letters)).toBe(expected);
  });

  it('does not depend on the order of the members', () => {
    const ladder: StatusClass[] = ['failure', 'running', 'flaky', 'warning', 'queued', 'success', 'absent'];
    for (let mask = 1; mask < 1 << ladder.length; mask++) {
      const members = ladder.filter((_, i) => mask & (1 << i));
      expect(groupLetter(members)).toBe(groupLetter([...members].reverse()));
    }
  });
});
