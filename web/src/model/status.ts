/** Status letters of the grid: what they mean, how they look, and how a group folds them. */

export type StatusClass =
  | 'success'
  | 'flaky'
  | 'failure'
  | 'warning'
  | 'cancelled'
  | 'timeout'
  | 'running'
  | 'queued'
  | 'skipped'
  | 'neutral'
  | 'absent'
  | 'other';

const CLASS: Readonly<Record<string, StatusClass>> = {
  O: 'success',
  F: 'flaky',
  X: 'failure',
  W: 'warning',
  C: 'cancelled',
  T: 'timeout',
  '?': 'running',
  Q: 'queued',
  S: 'skipped',
  N: 'neutral',
  '~': 'absent',
};

export const STATUS_WORD: Readonly<Record<StatusClass, string>> = {
  success: 'success',
  flaky: 'flaky success',
  failure: 'failure',
  warning: 'failure that does not block',
  cancelled: 'cancelled',
  timeout: 'timed out',
  running: 'running',
  queued: 'queued',
  skipped: 'skipped',
  neutral: 'neutral',
  absent: 'no such job',
  other: 'other state',
};

/** A failing column that is known not to block (unstable, rerun of disabled tests) is a warning. */
export function statusClass(letter: string, warnOnly = false): StatusClass {
  const kind = CLASS[letter] ?? 'other';
  return warnOnly && (kind === 'failure' || kind === 'timeout') ? 'warning' : kind;
}

const RED: ReadonlySet<StatusClass> = new Set(['failure', 'timeout']);

/** Does this state make a person look? Used by next/previous failure and by "hide green columns". */
export function isFailure(kind: StatusClass): boolean {
  return RED.has(kind) || kind === 'warning' || kind === 'cancelled';
}

export type GroupLetter = 'X' | '?' | 'F' | 'W' | 'Q' | '~' | 'O';

/** Ladder of a group cell, worst first: failure, running, flaky, warning, queued, absent, success. */
export function groupLetter(members: Iterable<StatusClass>): GroupLetter {
  let running = false;
  let flaky = false;
  let warning = false;
  let queued = false;
  let present = false;
  for (const kind of members) {
    switch (kind) {
      case 'failure':
      case 'timeout':
        return 'X';
      case 'running':
        running = true;
        break;
      case 'flaky':
        flaky = true;
        break;
      // Without a failure line a cancelled job proves nothing about the commit.
      case 'cancelled':
      case 'warning':
        warning = true;
        break;
      case 'queued':
        queued = true;
        break;
      case 'absent':
        continue;
      default:
        break;
    }
    present = true;
  }
  if (running) return '?';
  if (flaky) return 'F';
  if (warning) return 'W';
  if (queued) return 'Q';
  return present ? 'O' : '~';
}

/** Order of severity for boxes and lists; higher is worse. */
export const SEVERITY: Readonly<Record<StatusClass, number>> = {
  other: 8,
  failure: 7,
  timeout: 7,
  warning: 6,
  running: 5,
  queued: 4,
  cancelled: 3,
  neutral: 2,
  skipped: 1,
  absent: 1,
  flaky: 0,
  success: 0,
};

export const LEGEND: readonly (readonly [string, StatusClass, string])[] = [
  ['O', 'success', 'success'],
  ['F', 'flaky', 'success, but another run of the same job failed'],
  ['X', 'failure', 'failure'],
  ['X', 'warning', 'failure of an unstable or rerun-disabled job'],
  ['W', 'warning', 'group: only failures that do not block'],
  ['C', 'cancelled', 'cancelled'],
  ['T', 'timeout', 'timed out'],
  ['?', 'running', 'running'],
  ['Q', 'queued', 'queued'],
  ['S', 'skipped', 'skipped'],
  ['N', 'neutral', 'neutral'],
  ['~', 'absent', 'no such job for this commit'],
  ['U', 'other', 'anything else'],
];
