import { describe, expect, it } from 'vitest';
import { age, duration } from './duration';
import { isValidRegex, matcher } from './filter';
import { headerText, isWarnOnly, splitName } from './names';
import { shortTime } from './time';

describe('duration', () => {
  it.each([
    [0, '0.0s'],
    [54, '54.0s'],
    [59.94, '59.9s'],
    [59.97, '1.0m'],
    [60, '1.0m'],
    [3599, '1.0h'],
    [5400, '1.5h'],
    [86399, '1.0d'],
    [172800, '2.0d'],
    [-3, '0.0s'],
    [null, '–'],
    [undefined, '–'],
    [Number.NaN, '–'],
  ])('%s seconds read %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  it('counts ages from the given now', () => {
    expect(age('2026-11-24T08:00:00Z', Date.parse('2026-11-24T10:18:00Z'))).toBe('2.3h ago');
    expect(age('nonsense', 0)).toBe('');
  });
});

describe('shortTime', () => {
  const now = new Date(2026, 10, 24, 15, 30).getTime();
  const at = (...parts: [number, number, number, number, number]) => shortTime(new Date(...parts).toISOString(), now);
  it('is as short as is unambiguous', () => {
    expect(at(2026, 10, 24, 9, 5)).toBe('9:05 am');
    expect(at(2026, 10, 24, 0, 0)).toBe('12:00 am');
    expect(at(2026, 10, 22, 12, 1)).toBe('Sun 12:01 pm');
    expect(at(2026, 10, 3, 23, 59)).toBe('11/3 11:59 pm');
    expect(shortTime('', now)).toBe('');
  });
});

describe('names', () => {
  it('splits the workflow off', () => {
    expect(splitName('pull / linux / test (default, 1, 5)')).toEqual({ workflow: 'pull', job: 'linux / test (default, 1, 5)' });
    expect(splitName('Lint')).toEqual({ workflow: 'Lint', job: 'Lint' });
  });

  it('keeps both ends of a long header, without the runner', () => {
    expect(headerText('pull / linux / test (default, 1, 5, linux.4xlarge)', 60)).toBe('pull / linux / test (default, 1, 5)');
    const short = headerText('pull / linux-jammy-py3.10-gcc11-very-long / test (default, 1, 5)', 30);
    expect(short).toHaveLength(30);
    expect(short.endsWith('test (default, 1, 5)'.slice(-17))).toBe(true);
  });

  it('knows which columns only warn', () => {
    expect(isWarnOnly('a (unstable)', 'Linux')).toBe(true);
    expect(isWarnOnly('a (default, rerun_disabled_tests)', 'Linux')).toBe(true);
    expect(isWarnOnly('a', 'Unstable')).toBe(true);
    expect(isWarnOnly('trunk / linux test', 'Linux')).toBe(false);
  });
});

describe('matcher', () => {
  it('takes special characters as they are unless a regular expression is asked for', () => {
    expect(matcher('(default', false)('test (Default, 1)')).toBe(true);
    expect(matcher('a.c', false)('abc')).toBe(false);
    expect(matcher('a.c', true)('xABC')).toBe(true);
    expect(matcher('[', true)('[')).toBe(false);
    expect(isValidRegex('[')).toBe(false);
  });
});
