import { memo, useState } from 'react';
import type { GridCommit } from '../api/schema';
import { age } from '../model/duration';
import { cellState, type ViewColumn } from '../model/fold';
import { headerText } from '../model/names';
import { github, paths } from '../model/routes';
import { STATUS_WORD } from '../model/status';
import { shortTime } from '../model/time';
import { Link } from '../ui/router';
import { Author } from '../ui/text';
import { META_COLUMNS, type Metrics } from './layout';

export interface Chunk {
  index: number;
  /** Position of the first column of the chunk in the view. */
  first: number;
  columns: readonly ViewColumn[];
}

interface ChunkCellsProps {
  chunk: Chunk;
  left: number;
  cells: string;
  sha: string;
  warnOnly: readonly boolean[];
  active: number;
  pinned: string | null;
}

interface Memory {
  cells: string;
  chunk: Chunk;
  before: string | null;
}

/** Sixteen cells of one commit: the unit that scrolling adds and a live change draws again. */
const ChunkCells = memo(function ChunkCells({ chunk, left, cells, sha, warnOnly, active, pinned }: ChunkCellsProps) {
  const [memory, setMemory] = useState<Memory>({ cells, chunk, before: null });
  if (memory.cells !== cells || memory.chunk !== chunk) {
    // A moved column is not a changed status.
    setMemory({ cells, chunk, before: memory.chunk === chunk ? memory.cells : null });
  }
  const before = memory.before;
  return (
    <div className="chunk" style={{ left }}>
      {chunk.columns.map((column, i) => {
        const state = cellState(cells, column, warnOnly);
        const at = chunk.first + i;
        let name = `c s-${state.kind}`;
        if (column.kind === 'group') name += column.expanded ? ' grp open' : ' grp';
        if (before !== null && cellState(before, column, warnOnly) !== state) name += ' changed';
        if (pinned === column.key) name += ' pinned';
        return (
          <div
            key={column.key}
            role="gridcell"
            aria-colindex={META_COLUMNS + at + 1}
            aria-label={`${STATUS_WORD[state.kind]}, ${column.kind === 'group' ? 'group ' : ''}${column.name}, commit ${sha.slice(0, 7)}`}
            className={name}
            data-c={at}
            tabIndex={at === active ? 0 : -1}
          >
            {state.letter}
          </div>
        );
      })}
    </div>
  );
});

export interface RowProps {
  repo: string;
  commit: GridCommit;
  row: number;
  top: number;
  chunks: readonly Chunk[];
  metrics: Metrics;
  warnOnly: readonly boolean[];
  /** View column of the active cell when it is in this row; -1 is the title, -2 is none. */
  active: number;
  pinned: string | null;
  now: number;
}

export const CommitRow = memo(function CommitRow(props: RowProps) {
  const { repo, commit, row, top, chunks, metrics, warnOnly, active, pinned, now } = props;
  const sha7 = commit.sha.slice(0, 7);
  return (
    <div role="row" aria-rowindex={row + 2} className={`row${pinned !== null ? ' has-pin' : ''}${row % 2 === 1 ? ' odd' : ''}`} data-r={row} style={{ transform: `translateY(${top}px)` }}>
      <div className="meta" style={{ width: metrics.meta }}>
        <div role="gridcell" aria-colindex={1} className="m-time" title={`${commit.time} (${age(commit.time, now)})`}>
          <time dateTime={commit.time}>{shortTime(commit.time, now)}</time>
        </div>
        <div role="rowheader" aria-colindex={2} className="m-sha">
          <a href={github.commit(repo, commit.sha)} tabIndex={-1} title="Commit at GitHub">
            {sha7}
          </a>
        </div>
        <div role="gridcell" aria-colindex={3} className="m-title">
          <Link href={paths.commit(repo, commit.sha)} title={commit.title} data-c={-1} tabIndex={active === -1 ? 0 : -1}>
            {commit.title}
          </Link>
        </div>
        <div role="gridcell" aria-colindex={4} className="m-pr">
          {commit.pr !== null && (
            <a href={github.pull(repo, commit.pr)} tabIndex={-1}>
              #{commit.pr}
            </a>
          )}
        </div>
        <div role="gridcell" aria-colindex={5} className="m-author" title={commit.author}>
          <Author name={commit.author} tabIndex={-1} />
        </div>
      </div>
      {chunks.map((chunk) => (
        <ChunkCells
          key={chunk.index}
          chunk={chunk}
          left={metrics.meta + chunk.first * metrics.column}
          cells={commit.cells}
          sha={commit.sha}
          warnOnly={warnOnly}
          active={active >= chunk.first && active < chunk.first + chunk.columns.length ? active : -2}
          pinned={pinned !== null && chunk.columns.some((c) => c.key === pinned) ? pinned : null}
        />
      ))}
    </div>
  );
});

export const HeadRow = memo(function HeadRow({ chunks, metrics, active, hot }: { chunks: readonly Chunk[]; metrics: Metrics; active: number; hot: number }) {
  return (
    <div role="row" aria-rowindex={1} className="head" data-r={-1} style={{ height: metrics.head }}>
      <div className="meta corner" style={{ width: metrics.meta }}>
        {(['time', 'sha', 'title', 'PR', 'author'] as const).map((name, i) => (
          <div key={name} role="columnheader" aria-colindex={i + 1} className={`m-${name.toLowerCase()}`} {...(name === 'title' ? { 'data-c': -1, tabIndex: active === -1 ? 0 : -1 } : {})}>
            {name}
          </div>
        ))}
      </div>
      {chunks.map((chunk) => (
        <div key={chunk.index} className="chunk" style={{ left: metrics.meta + chunk.first * metrics.column }}>
          {chunk.columns.map((column, i) => {
            const at = chunk.first + i;
            const group = column.kind === 'group';
            return (
              <div
                key={column.key}
                role="columnheader"
                aria-colindex={META_COLUMNS + at + 1}
                aria-label={group ? `${column.name}, group of ${column.members.length}` : column.name}
                {...(group ? { 'aria-expanded': column.expanded } : {})}
                className={`h${group ? (column.expanded ? ' grp open' : ' grp') : ''}${hot === at ? ' hot' : ''}`}
                title={group ? `${column.name} (${column.members.length} jobs): click to ${column.expanded ? 'fold' : 'unfold'}` : column.name}
                data-c={at}
                tabIndex={at === active ? 0 : -1}
              >
                <span>
                  {group && <i aria-hidden="true">{column.expanded ? '▾' : '▸'}</i>}
                  {headerText(column.name, metrics.headChars)}
                </span>
              </div>
            );
          })}
        </div>
      ))}
    </div>
  );
});
