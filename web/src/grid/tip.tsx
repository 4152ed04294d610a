import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useCell } from '../api/queries';
import type { GridCommit, Job } from '../api/schema';
import { age, duration } from '../model/duration';
import { cellState, notable, type GroupColumn, type JobColumn, type ViewColumn } from '../model/fold';
import { origin } from '../model/jobs';
import { isWarnOnly } from '../model/names';
import { github, paths, safeUrl } from '../model/routes';
import { STATUS_WORD, statusClass } from '../model/status';
import { shortTime } from '../model/time';
import { Link } from '../ui/router';
import type { Box } from './grid';

interface Props {
  repo: string;
  commit: GridCommit;
  column: ViewColumn;
  names: readonly { name: string }[];
  warnOnly: readonly boolean[];
  box: Box | null;
  pinned: boolean;
  now: number;
  onClose: () => void;
  onUnfold: (column: string, member?: number) => void;
}

const GAP = 6;

/** What is behind a letter: a tooltip while hovering, a small dialog once pinned. */
export function CellTip(props: Props) {
  const { repo, commit, column, warnOnly, box, pinned, now, onClose } = props;
  const ref = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState<{ left: number; top: number } | null>(null);
  const state = cellState(commit.cells, column, warnOnly);

  useLayoutEffect(() => {
    const el = ref.current;
    if (el === null) return;
    const put = () => {
      const { width, height } = el.getBoundingClientRect();
      const anchor = box ?? { left: window.innerWidth - width, top: 60, width: 0, height: 0 };
      const left = Math.max(GAP, Math.min(anchor.left + anchor.width + GAP, window.innerWidth - width - GAP));
      const below = anchor.top + anchor.height + GAP;
      const top = below + height <= window.innerHeight - GAP ? below : Math.max(GAP, anchor.top - height - GAP);
      setPlace((old) => (old !== null && old.left === left && old.top === top ? old : { left, top }));
    };
    put();
    const observer = new ResizeObserver(put);
    observer.observe(el);
    return () => observer.disconnect();
  }, [box]);

  return (
    <div
      ref={ref}
      className={`tip${pinned ? ' is-pinned' : ''}`}
      role={pinned ? 'dialog' : 'tooltip'}
      aria-label={pinned ? `${column.name}, commit ${commit.sha.slice(0, 7)}` : undefined}
      style={{ left: place?.left ?? 0, top: place?.top ?? 0, visibility: place === null ? 'hidden' : 'visible' }}
    >
      <div className="tip-head">
        <span className={`cell-mark s-${state.kind}`} aria-hidden="true">
          {state.letter}
        </span>
        <strong>{column.name}</strong>
        <span className="tip-word">{STATUS_WORD[state.kind]}</span>
        {pinned && (
          <button type="button" className="btn icon" onClick={onClose} aria-label="Close">
            ✕
          </button>
        )}
      </div>
      <p className="tip-commit">
        <code>{commit.sha.slice(0, 7)}</code> {commit.title}
        <span className="muted">
          {' '}
          · {commit.author} · {age(commit.time, now)}
        </span>
      </p>
      {column.kind === 'job' ? <JobBody {...props} column={column} letter={state.letter} /> : <GroupBody {...props} column={column} />}
      <p className="tip-links">
        <Link href={paths.commit(repo, commit.sha)}>Commit page</Link>
        <a href={github.commit(repo, commit.sha)}>Commit at GitHub</a>
        {commit.pr !== null && <a href={github.pull(repo, commit.pr)}>PR #{commit.pr}</a>}
        {!pinned && <span className="muted">Enter or click pins</span>}
      </p>
    </div>
  );
}

function useDelayed(value: string, ms: number): string | null {
  const [settled, setSettled] = useState<string | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

const SHOWN = 5;

function JobBody({ repo, commit, column, pinned, letter, now }: Props & { column: JobColumn; letter: string }) {
  const key = `${commit.sha} ${column.name}`;
  const settled = useDelayed(key, 120) === key;
  const query = useCell(repo, commit.sha, column.name, letter !== '~' && (pinned || settled));
  const [all, setAll] = useState(false);
  if (letter === '~') return <p className="muted">No such job for this commit.</p>;
  if (query.isError) return <p className="bad">The runs could not be loaded: {query.error.message}</p>;
  if (query.data === undefined) {
    const known = commit.detail[String(column.index)];
    return (
      <p className="muted" aria-busy="true">
        Loading runs{known !== undefined && known[1] > 1 ? ` (${known[1]})` : ''}…
      </p>
    );
  }
  const runs = query.data.runs;
  if (runs.length === 0) return <p className="muted">No runs are recorded for this job.</p>;
  return (
    <>
      <ul className="tip-runs">
        {(all ? runs : runs.slice(0, SHOWN)).map((run) => (
          <Run key={`${run.id}-${run.attempt}`} run={run} repo={repo} group={column.group} now={now} />
        ))}
      </ul>
      {runs.length > SHOWN && !all && (
        <button type="button" className="btn" onClick={() => setAll(true)}>
          Show {runs.length - SHOWN} more
        </button>
      )}
    </>
  );
}

function Run({ run, repo, group, now }: { run: Job; repo: string; group: string; now: number }) {
  const kind = statusClass(run.letter, isWarnOnly(run.name, group));
  return (
    <li>
      <span className={`cell-mark s-${kind}`} role="img" aria-label={STATUS_WORD[kind]}>
        {run.letter}
      </span>
      <span>
        <a href={safeUrl(run.html_url) ?? github.job(repo, run.id)}>{origin(run)}</a>
        <span className="muted">
          {' '}
          · queued {duration(run.queue_seconds)} · {run.completed_at === null ? 'running' : 'ran'} {duration(run.run_seconds)}
          {run.started_at !== null && <> · started {shortTime(run.started_at, now)}</>}
          {run.runner_name !== null && run.runner_name !== '' && <> · {run.runner_name}</>}
          {run.labels.length > 0 && <> · {run.labels.join(', ')}</>}
        </span>
      </span>
    </li>
  );
}

const MEMBERS = 12;

function GroupBody({ repo, commit, column, names, warnOnly, pinned, onUnfold }: Props & { column: GroupColumn }) {
  const members = notable(commit.cells, column, warnOnly);
  const shown = pinned ? members : members.slice(0, MEMBERS);
  return (
    <>
      {members.length === 0 ? (
        <p className="muted">{column.members.length} jobs, nothing failing, running or queued.</p>
      ) : (
        <ul className="tip-runs tip-members" {...(pinned ? { tabIndex: 0, 'aria-label': 'Jobs of the group' } : {})}>
          {shown.map((m) => {
            const known = commit.detail[String(m.index)];
            const name = names[m.index]?.name ?? '';
            return (
              <li key={m.index}>
                <span className={`cell-mark s-${m.kind}`} role="img" aria-label={STATUS_WORD[m.kind]}>
                  {m.letter}
                </span>
                <span>
                  {known !== undefined ? <a href={github.job(repo, known[0])}>{name}</a> : name}
                  {known !== undefined && known[1] > 1 && <span className="muted"> · {known[1]} runs</span>}
                </span>
                {pinned && (
                  <button type="button" className="btn small" onClick={() => onUnfold(column.key, m.index)} aria-label={`Show ${name} in the grid`}>
                    show
                  </button>
                )}
              </li>
            );
          })}
        </ul>
      )}
      {shown.length < members.length && <p className="muted">and {members.length - shown.length} more</p>}
      {pinned && (
        <button type="button" className="btn" onClick={() => onUnfold(column.key)}>
          {column.expanded ? 'Fold' : 'Unfold'} {column.members.length} jobs
        </button>
      )}
    </>
  );
}
