import type { Job } from '../api/schema';
import { isWarnOnly, splitName } from './names';
import { SEVERITY, statusClass, type StatusClass } from './status';

export interface JobState {
  job: Job;
  kind: StatusClass;
  workflow: string;
  short: string;
}

export interface WorkflowBox {
  name: string;
  jobs: JobState[];
  worst: StatusClass;
  runs: number[];
}

export function jobState(job: Job): JobState {
  const { workflow, job: short } = splitName(job.name);
  return { job, kind: statusClass(job.letter, isWarnOnly(job.name, '')), workflow, short };
}

const byState = (a: JobState, b: JobState) => SEVERITY[b.kind] - SEVERITY[a.kind] || a.job.name.localeCompare(b.job.name);

/** One box per workflow, worst first; inside, worst jobs first and then by name. */
export function workflowBoxes(jobs: readonly JobState[]): WorkflowBox[] {
  const boxes = new Map<string, JobState[]>();
  for (const job of jobs) {
    const list = boxes.get(job.workflow);
    if (list === undefined) boxes.set(job.workflow, [job]);
    else list.push(job);
  }
  return [...boxes]
    .map(([name, list]) => {
      list.sort(byState);
      return {
        name,
        jobs: list,
        worst: list[0]?.kind ?? 'other',
        runs: [...new Set(list.map((j) => j.job.run_id))].sort((a, b) => b - a),
      };
    })
    .sort((a, b) => SEVERITY[b.worst] - SEVERITY[a.worst] || a.name.localeCompare(b.name));
}

export interface Sections {
  failed: JobState[];
  warning: JobState[];
  running: JobState[];
  queued: JobState[];
}

export function sections(jobs: readonly JobState[]): Sections {
  const pick = (...kinds: StatusClass[]) => jobs.filter((j) => kinds.includes(j.kind)).sort(byState);
  return {
    failed: pick('failure', 'timeout', 'cancelled'),
    warning: pick('warning'),
    running: pick('running'),
    queued: pick('queued'),
  };
}

export interface Bar {
  state: JobState;
  queueStart: number;
  runStart: number;
  end: number;
}

/** Seconds since the first job was asked for; jobs that never ran have no run segment. */
export function ganttBars(jobs: readonly JobState[], nowMs: number): { bars: Bar[]; span: number } {
  const starts = jobs.map((j) => Date.parse(j.job.created_at)).filter(Number.isFinite);
  if (starts.length === 0) return { bars: [], span: 0 };
  const zero = Math.min(...starts);
  const bars: Bar[] = [];
  for (const state of jobs) {
    const { job } = state;
    const created = Date.parse(job.created_at);
    if (!Number.isFinite(created) || state.kind === 'skipped') continue;
    const done = job.completed_at === null ? nowMs : Date.parse(job.completed_at);
    const started = job.started_at === null ? done : Date.parse(job.started_at);
    const queueStart = (created - zero) / 1000;
    const runStart = Math.max(queueStart, (started - zero) / 1000);
    bars.push({ state, queueStart, runStart, end: Math.max(runStart, (done - zero) / 1000) });
  }
  bars.sort((a, b) => a.queueStart - b.queueStart || a.runStart - b.runStart || a.state.job.id - b.state.job.id);
  return { bars, span: Math.max(1, ...bars.map((b) => b.end)) };
}

/** A round step that puts four to eight marks on an axis of `span` seconds. */
export function axisStep(span: number): number {
  for (const step of [10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 28800, 86400]) {
    if (span / step <= 8) return step;
  }
  return Math.ceil(span / 8 / 86400) * 86400;
}

/** How a run came about, as GitHub tells it; an unknown event is never guessed. */
export function origin(job: Pick<Job, 'event' | 'attempt'>): string {
  if (job.attempt > 1) return `re-run, attempt ${job.attempt}`;
  return job.event === '' ? 'unknown' : job.event;
}
