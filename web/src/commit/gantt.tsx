import { useMemo, useState } from 'react';
import { duration } from '../model/duration';
import { matcher } from '../model/filter';
import { axisStep, ganttBars, type JobState } from '../model/jobs';
import { STATUS_WORD } from '../model/status';

const ROW = 16;
const AXIS = 20;
const WIDTH = 1000;
const NAME = 300;

/** Queue and run time of every job, on one axis that starts with the first job. */
export function Gantt({ jobs, nowMs }: { jobs: readonly JobState[]; nowMs: number }) {
  const [filter, setFilter] = useState('');
  const { bars, span } = useMemo(() => ganttBars(jobs, nowMs), [jobs, nowMs]);
  const shown = useMemo(() => {
    const match = matcher(filter, false);
    return bars.filter((b) => match(b.state.job.name));
  }, [bars, filter]);
  const step = axisStep(span);
  const x = (seconds: number) => NAME + (seconds / span) * (WIDTH - NAME - 60);
  const marks: number[] = [];
  for (let t = 0; t <= span; t += step) marks.push(t);
  const height = AXIS + shown.length * ROW;
  return (
    <>
      <div className="gantt-head">
        <input type="search" aria-label="Filter timeline" placeholder="Filter timeline" value={filter} onChange={(e) => setFilter(e.target.value)} />
        <span className="key">
          <span className="swatch gantt-key-queue" aria-hidden="true" /> queue
        </span>
        <span className="key">
          <span className="swatch gantt-key-run" aria-hidden="true" /> run
        </span>
        <span className="muted">whole span {duration(span)}</span>
      </div>
      <div className="gantt-scroll" tabIndex={0} role="region" aria-label="Timeline of jobs">
        <svg viewBox={`0 0 ${WIDTH} ${height}`} className="gantt" role="img" aria-label={`Timeline of ${shown.length} jobs over ${duration(span)}`}>
          {marks.map((t) => (
            <g key={t}>
              <line x1={x(t)} x2={x(t)} y1={AXIS - 4} y2={height} className="gantt-grid" />
              <text x={x(t)} y={AXIS - 8} className="gantt-axis">
                {t === 0 ? '0' : duration(t)}
              </text>
            </g>
          ))}
          {shown.map((bar, i) => {
            const y = AXIS + i * ROW;
            const { job, kind } = bar.state;
            return (
              <g key={`${job.id}-${job.attempt}`}>
                <title>{`${job.name}: ${STATUS_WORD[kind]}, queued ${duration(bar.runStart - bar.queueStart)}, ran ${duration(bar.end - bar.runStart)}`}</title>
                <text x={NAME - 6} y={y + 11.5} className="gantt-name">
                  {job.name.length > 48 ? `…${job.name.slice(-47)}` : job.name}
                </text>
                <rect x={x(bar.queueStart)} y={y + 6} width={Math.max(0.5, x(bar.runStart) - x(bar.queueStart))} height={4} className="gantt-queue" />
                <rect x={x(bar.runStart)} y={y + 3} width={Math.max(1, x(bar.end) - x(bar.runStart))} height={10} rx={2} className={`gantt-run fill-${kind}`} />
                <text x={x(bar.end) + 4} y={y + 11.5} className="gantt-time">
                  {duration(bar.end - bar.runStart)}
                </text>
              </g>
            );
          })}
        </svg>
      </div>
    </>
  );
}
