import { defaultRangeExtractor, useVirtualizer, type Range } from '@tanstack/react-virtual';
import {
  memo,
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type MouseEvent,
  type Ref,
} from 'react';
import type { Grid as GridData } from '../api/schema';
import { cellState, type Folded } from '../model/fold';
import { isFailure } from '../model/status';
import { CommitRow, HeadRow, type Chunk } from './cells';
import { CHUNK, META_COLUMNS, type Metrics } from './layout';

/** A place in the grid that outlives refreshes: `row` is a sha or the head, `column` a key or the title. */
export interface Place {
  row: string;
  column: string;
}

export const HEAD = '';
export const TITLE = '';

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface GridHandle {
  move: (rows: number, columns: number) => void;
  edge: (edge: 'start' | 'end' | 'top' | 'bottom') => void;
  failure: (direction: 1 | -1) => void;
  place: () => Place | null;
  go: (place: Place) => void;
  box: (place: Place) => Box | null;
  focus: () => void;
}

interface Props {
  ref: Ref<GridHandle>;
  data: GridData;
  folded: Folded;
  metrics: Metrics;
  now: number;
  pin: Place | null;
  onHover: (place: Place | null) => void;
  onPin: (place: Place) => void;
  onUnfold: (column: string) => void;
}

interface Target {
  row: number;
  column: number;
}

function target(event: { target: EventTarget }): Target | null {
  const cell = (event.target as HTMLElement).closest<HTMLElement>('[data-c]');
  const row = cell?.closest<HTMLElement>('[data-r]');
  if (!cell || !row) return null;
  return { row: Number(row.dataset.r), column: Number(cell.dataset.c) };
}

export const Grid = memo(function Grid({ ref, data, folded, metrics, now, pin, onHover, onPin, onUnfold }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const { commits } = data;
  const { columns, warnOnly } = folded;

  const rowOf = useMemo(() => new Map(commits.map((c, i) => [c.sha, i])), [commits]);
  const columnOf = useMemo(() => new Map(columns.map((c, i) => [c.key, i])), [columns]);
  const [active, setActive] = useState<Place | null>(null);
  const [hot, setHot] = useState(-2);
  // The first picture holds what is in view; the margins for scrolling come once it is painted.
  const [settled, setSettled] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(true), 150);
    return () => clearTimeout(timer);
  }, []);
  const wantsFocus = useRef(false);

  const locate = (place: Place | null): Target => ({
    row: place === null ? 0 : place.row === HEAD ? -1 : Math.max(0, rowOf.get(place.row) ?? 0),
    column: place === null ? (columns.length > 0 ? 0 : -1) : place.column === TITLE ? -1 : (columnOf.get(place.column) ?? (columns.length > 0 ? 0 : -1)),
  });
  const at = locate(active);
  const placeOf = (t: Target): Place => ({
    row: t.row < 0 ? HEAD : (commits[t.row]?.sha ?? HEAD),
    column: t.column < 0 ? TITLE : (columns[t.column]?.key ?? TITLE),
  });

  const chunks = useMemo(() => {
    const out: Chunk[] = [];
    for (let first = 0; first < columns.length; first += CHUNK) {
      out.push({ index: out.length, first, columns: columns.slice(first, first + CHUNK) });
    }
    return out;
  }, [columns]);

  // The active cell is always drawn, so that focus never falls out of the page while scrolling.
  const keep = (extra: number) => (range: Range) => {
    const list = defaultRangeExtractor(range);
    if (extra >= 0 && extra < range.count && !list.includes(extra)) list.push(extra);
    return list.sort((a, b) => a - b);
  };
  const rows = useVirtualizer({
    count: commits.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => metrics.row,
    getItemKey: (i) => commits[i]?.sha ?? i,
    paddingStart: metrics.head,
    overscan: settled ? 4 : 0,
    rangeExtractor: keep(at.row),
  });
  const slices = useVirtualizer({
    horizontal: true,
    count: chunks.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => metrics.column * CHUNK,
    paddingStart: metrics.meta,
    overscan: settled ? 2 : 0,
    rangeExtractor: keep(at.column < 0 ? -1 : Math.floor(at.column / CHUNK)),
  });
  useEffect(() => {
    rows.measure();
    slices.measure();
  }, [metrics, rows, slices]);

  const wanted = slices.getVirtualItems().map((v) => v.index);
  const wantedKey = wanted.join();
  const drawn = useMemo(
    () => wanted.map((i) => chunks[i]).filter((c) => c !== undefined),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the key stands for the list
    [chunks, wantedKey],
  );

  const reveal = (t: Target) => {
    const el = scroller.current;
    if (el === null) return;
    const left = metrics.meta + t.column * metrics.column;
    const top = metrics.head + t.row * metrics.row;
    let x = el.scrollLeft;
    let y = el.scrollTop;
    if (t.column >= 0) {
      if (left - metrics.meta < x) x = Math.max(0, left - metrics.meta - 2 * metrics.column);
      else if (left + metrics.column > x + el.clientWidth) x = left + 3 * metrics.column - el.clientWidth;
    }
    if (t.row >= 0) {
      if (top - metrics.head < y) y = top - metrics.head;
      else if (top + metrics.row > y + el.clientHeight) y = top + 2 * metrics.row - el.clientHeight;
    }
    if (x !== el.scrollLeft || y !== el.scrollTop) el.scrollTo(x, y);
  };

  const activate = (t: Target, focus = true) => {
    wantsFocus.current = focus;
    reveal(t);
    setActive(placeOf(t));
  };

  const focusActive = () => {
    const cell = scroller.current?.querySelector<HTMLElement>(`[data-r="${at.row}"] [data-c="${at.column}"]`);
    cell?.focus({ preventScroll: true });
  };
  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    wantsFocus.current = false;
    focusActive();
  });

  useImperativeHandle(ref, () => ({
    move: (dr, dc) =>
      activate({
        row: Math.min(commits.length - 1, Math.max(-1, (active === null ? 0 : at.row) + (active === null ? 0 : dr))),
        column: Math.min(columns.length - 1, Math.max(-1, at.column + (active === null ? 0 : dc))),
      }),
    edge: (edge) =>
      activate({
        row: edge === 'top' ? 0 : edge === 'bottom' ? commits.length - 1 : at.row,
        column: edge === 'start' ? -1 : edge === 'end' ? columns.length - 1 : at.column,
      }),
    failure: (direction) => {
      const width = columns.length;
      const count = commits.length * width;
      if (count === 0) return;
      const start = active === null ? (direction === 1 ? -1 : count) : Math.max(0, at.row) * width + Math.max(0, at.column) - (at.row < 0 || at.column < 0 ? 1 : 0);
      for (let n = 1; n <= count; n++) {
        const i = (((start + n * direction) % count) + count) % count;
        const commit = commits[Math.floor(i / width)];
        const column = columns[i % width];
        if (commit === undefined || column === undefined) continue;
        // An unfolded group repeats what its members say.
        if (column.kind === 'group' && column.expanded) continue;
        if (isFailure(cellState(commit.cells, column, warnOnly).kind)) {
          activate({ row: Math.floor(i / width), column: i % width });
          return;
        }
      }
    },
    place: () => (active === null ? null : placeOf(at)),
    go: (place) => {
      const t = locate(place);
      wantsFocus.current = true;
      reveal(t);
      setActive(place);
    },
    box: (place) => {
      const el = scroller.current;
      const row = rowOf.get(place.row);
      const column = columnOf.get(place.column);
      if (el === null || row === undefined || column === undefined) return null;
      const rect = el.getBoundingClientRect();
      return {
        left: rect.left + metrics.meta + column * metrics.column - el.scrollLeft,
        top: rect.top + metrics.head + row * metrics.row - el.scrollTop,
        width: metrics.column,
        height: metrics.row,
      };
    },
    focus: focusActive,
  }));

  const hovered = useRef('');
  const leave = () => {
    hovered.current = '';
    onHover(null);
  };
  const hover = useCallback(
    (event: MouseEvent) => {
      const t = target(event);
      const key = t === null ? '' : `${t.row} ${t.column}`;
      if (key === hovered.current) return;
      hovered.current = key;
      setHot(t === null ? -2 : t.column);
      const commit = t === null || t.row < 0 ? undefined : commits[t.row];
      const column = t === null || t.column < 0 ? undefined : columns[t.column];
      onHover(commit && column ? { row: commit.sha, column: column.key } : null);
    },
    [commits, columns, onHover],
  );

  const click = (event: MouseEvent) => {
    const t = target(event);
    if (t === null) return;
    if (t.column < 0) {
      setActive(placeOf(t));
      return;
    }
    activate(t);
    const column = columns[t.column];
    if (column === undefined) return;
    if (t.row < 0) {
      if (column.kind === 'group') onUnfold(column.key);
    } else onPin(placeOf(t));
  };

  const doubleClick = (event: MouseEvent) => {
    const t = target(event);
    const column = t === null ? undefined : columns[t.column];
    if (t !== null && t.row >= 0 && column?.kind === 'group') onUnfold(column.key);
  };

  const keyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    const t = target(event);
    if (t === null || t.column < 0) return;
    event.preventDefault();
    const column = columns[t.column];
    if (column === undefined) return;
    if (t.row < 0) {
      if (column.kind === 'group') onUnfold(column.key);
    } else onPin(placeOf(t));
  };

  const width = metrics.meta + columns.length * metrics.column + metrics.head;
  return (
    <div
      className="grid-scroll"
      ref={scroller}
      role="grid"
      aria-label={`Commits of ${data.repo} ${data.branch} and their jobs`}
      aria-rowcount={commits.length + 1}
      aria-colcount={META_COLUMNS + columns.length}
      aria-readonly="true"
      onMouseMove={hover}
      onMouseLeave={() => {
        setHot(-2);
        leave();
      }}
      onScroll={leave}
      onClick={click}
      onDoubleClick={doubleClick}
      onKeyDown={keyDown}
      onFocus={(event) => {
        const t = target(event);
        if (t !== null && (t.row !== at.row || t.column !== at.column || active === null)) setActive(placeOf(t));
      }}
    >
      <div className="grid-inner" role="presentation" style={{ width, height: rows.getTotalSize() }}>
        <HeadRow chunks={drawn} metrics={metrics} active={at.row < 0 ? at.column : -2} hot={hot} />
        {rows.getVirtualItems().map((item) => {
          const commit = commits[item.index];
          if (commit === undefined) return null;
          return (
            <CommitRow
              key={item.key}
              repo={data.repo}
              commit={commit}
              row={item.index}
              top={item.start}
              chunks={drawn}
              metrics={metrics}
              warnOnly={warnOnly}
              active={item.index === at.row ? at.column : -2}
              pinned={pin !== null && pin.row === commit.sha ? pin.column : null}
              now={now}
            />
          );
        })}
      </div>
    </div>
  );
});
