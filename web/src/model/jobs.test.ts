import { describe, expect, it } from 'vitest';
import type { Job } from '../api/schema';
import { axisStep, ganttBars, jobState, origin, sections, workflowBoxes } from './jobs';

const job = (name: string, letter: string, patch: Partial<Job> = {}): Job => ({
  id: 1, name, status: 'completed', conclusion: 'success', letter, run_id: 1, attempt: 1, queue_seconds: 1, run_seconds: 1,
  created_at: '2026-11-24T00:00:00Z', started_at: '2026-11-24T00:01:00Z', completed_at: '2026-11-24T00:03:00Z',
  runner_name: null, labels: [], html_url: 'https://github.com/o/n', event: 'push', ...patch,
});

describe('jobs of a commit', () => {
  const states = [job('b / ok', 'O'), job('a / ok', 'O'), job('c / bad', 'X'), job('c / also fine', 'O'), job('d / wait', 'Q'), job('e / (unstable)', 'X'), job('f / now', '?')].map(jobState);

  it('puts the worst workflow and the worst job first', () => {
    expect(workflowBoxes(states).map((b) => b.name)).toEqual(['c', 'e', 'f', 'd', 'a', 'b']);
    expect(workflowBoxes(states)[0]?.jobs.map((j) => j.short)).toEqual(['bad', 'also fine']);
  });

  it('sorts jobs into sections', () => {
    const s = sections(states);
    expect([s.failed, s.warning, s.running, s.queued].map((list) => list.map((j) => j.job.name))).toEqual([['c / bad'], ['e / (unstable)'], ['f / now'], ['d / wait']]);
  });

  it('never guesses an origin', () => {
    expect(origin({ event: '', attempt: 1 })).toBe('unknown');
    expect(origin({ event: 'push', attempt: 1 })).toBe('push');
    expect(origin({ event: 'push', attempt: 3 })).toBe('re-run, attempt 3');
  });
});

describe('gantt', () => {
  const now = Date.parse('2026-11-24T00:10:00Z');
  it('measures queue and run from the first job', () => {
    const { bars, span } = ganttBars([job('a / x', 'O'), job('a / y', 'Q', { id: 2, created_at: '2026-11-24T00:02:00Z', started_at: null, completed_at: null })].map(jobState), now);
    expect(bars.map((b) => [b.queueStart, b.runStart, b.end])).toEqual([[0, 60, 180], [120, 600, 600]]);
    expect(span).toBe(600);
  });

  it('stands jobs without times and clocks that run backwards', () => {
    expect(ganttBars([], now)).toEqual({ bars: [], span: 0 });
    const { bars } = ganttBars([job('a / x', 'O', { started_at: '2026-11-23T23:00:00Z', completed_at: '2026-11-23T22:00:00Z' })].map(jobState), now);
    expect(bars.map((b) => [b.queueStart, b.runStart, b.end])).toEqual([[0, 0, 0]]);
  });

  it('marks the axis with round steps', () => {
    expect(axisStep(60)).toBe(10);
    expect(axisStep(5400)).toBe(1800);
    expect(axisStep(10 * 86400) % 86400).toBe(0);
    for (const span of [1, 100, 10_000, 1_000_000]) expect(span / axisStep(span)).toBeLessThanOrEqual(8);
  });
});
