import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef } from 'react';
import { useFleet, useFleetTotals } from '../api/queries';
import type { FleetRunner } from '../api/schema';
import { duration } from '../model/duration';
import { navigate, useLocation } from '../ui/router';
import { Empty, ErrorTile, Skeleton } from '../ui/tiles';
import { TopBar } from '../ui/topbar';
import { Bar, byUrgency, oldestWait, PHASES, total, Totals } from './strip';

export function FleetPage() {
  const fleet = useFleet();
  const live = useFleetTotals();
  const { search } = useLocation();
  const params = new URLSearchParams(search);
  const text = params.get('f') ?? '';
  const state = params.get('state') ?? '';
  const set = (key: string, value: string) => {
    const next = new URLSearchParams(search);
    if (value === '') next.delete(key);
    else next.set(key, value);
    navigate(`/fleet${next.size > 0 ? `?${next}` : ''}`, { replace: true });
  };
  const data = fleet.data;
  const needle = text.toLowerCase();
  const runners = (data?.runners ?? []).filter(
    (r) =>
      (state === '' || r.state === state) &&
      (needle === '' || [r.name, r.type, r.provider, r.job ?? '', r.reason ?? ''].some((s) => s.toLowerCase().includes(needle))),
  );
  const states = [...new Set((data?.runners ?? []).map((r) => r.state))].sort();
  const worst = data === undefined ? null : oldestWait(data);
  document.title = 'Fleet · Trunkline';
  return (
    <>
      <TopBar current="fleet" />
      <main className="page">
        <h1>Fleet</h1>
        {fleet.isError && <ErrorTile title="The fleet figures could not be loaded" error={fleet.error} onRetry={() => void fleet.refetch()} />}
        {fleet.isPending && <Skeleton rows={12} label="Loading the fleet" />}
        {data !== undefined && (
          <>
            <div className="panel fleet-head">
              <Totals totals={live ?? data.totals} />
              <span className="oldest">
                oldest wait <b>{worst === null ? '–' : `${duration(worst.seconds)} (${worst.label})`}</b>
              </span>
            </div>
            <section className="panel" aria-labelledby="labels-h">
              <h2 id="labels-h">Labels</h2>
              {data.labels.length === 0 ? (
                <Empty title="No labels yet">Labels appear once a runner type is configured or a job asks for one.</Empty>
              ) : (
                <div className="scroll-x" tabIndex={0} role="region" aria-labelledby="labels-h">
                  <table className="data">
                    <thead>
                      <tr>
                        <th scope="col">Label</th>
                        <th scope="col" className="wide">
                          <span className="sr-only">Bar</span>
                        </th>
                        {PHASES.map((p) => (
                          <th scope="col" key={p} className="num">
                            {p}
                          </th>
                        ))}
                        <th scope="col" className="num">
                          planned
                        </th>
                        <th scope="col" className="num">
                          max
                        </th>
                        <th scope="col" className="num">
                          oldest wait
                        </th>
                      </tr>
                    </thead>
                    <tbody>
                      {[...data.labels].sort(byUrgency).map((l) => (
                        <tr key={l.label} className={total(l) + l.planned === 0 ? 'quiet' : undefined}>
                          <th scope="row">{l.label}</th>
                          <td className="wide">
                            <Bar counts={l} scale={Math.max(1, ...data.labels.map(total))} />
                          </td>
                          {PHASES.map((p) => (
                            <td key={p} className={`num${l[p] === 0 ? ' zero' : ''}`}>
                              {l[p]}
                            </td>
                          ))}
                          <td className={`num${l.planned === 0 ? ' zero' : ''}`}>{l.planned}</td>
                          <td className="num">{l.max ?? '–'}</td>
                          <td className="num">{duration(l.oldest_queued_seconds)}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              )}
            </section>
            <section className="panel" aria-labelledby="runners-h">
              <div className="panel-head">
                <h2 id="runners-h">
                  Runners <span className="count">{runners.length}</span>
                </h2>
                <select aria-label="State" value={state} onChange={(e) => set('state', e.target.value)}>
                  <option value="">all states</option>
                  {states.map((s) => (
                    <option key={s}>{s}</option>
                  ))}
                </select>
                <input type="search" aria-label="Filter runners" placeholder="Filter runners" value={text} onChange={(e) => set('f', e.target.value)} />
              </div>
              {runners.length === 0 ? (
                <Empty title={data.runners.length === 0 ? 'No runners right now' : 'No runner matches'}>
                  {data.runners.length === 0
                    ? 'Runners start when a job is queued for a label that a provider can serve.'
                    : 'Clear the filter to see all runners.'}
                </Empty>
              ) : (
                <RunnerTable runners={runners} />
              )}
            </section>
          </>
        )}
      </main>
    </>
  );
}

const COLUMNS = ['name', 'type', 'state', 'provider', 'job', 'age', 'reason'] as const;
const ROW = 26;

/** Thousands of runners, a screenful of rows. */
function RunnerTable({ runners }: { runners: readonly FleetRunner[] }) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: runners.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 12 });
  return (
    <div className="runner-scroll" ref={scroller} tabIndex={0} role="region" aria-label="Runner table">
      <div role="table" aria-label="Runners" aria-rowcount={runners.length + 1} className="runner-table">
        <div role="row" aria-rowindex={1} className="runner-row head">
          {COLUMNS.map((c) => (
            <div key={c} role="columnheader" className={c === 'age' ? 'num' : undefined}>
              {c}
            </div>
          ))}
        </div>
        <div role="rowgroup" className="runner-body" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((item) => {
            const r = runners[item.index];
            if (r === undefined) return null;
            return (
              <div role="row" aria-rowindex={item.index + 2} className="runner-row" key={r.name} style={{ transform: `translateY(${item.start}px)` }}>
                <div role="cell" title={r.name}>
                  {r.name}
                </div>
                <div role="cell" title={r.type}>
                  {r.type}
                </div>
                <div role="cell">
                  <span className={`pill st-${r.state.toLowerCase()}`}>{r.state}</span>
                </div>
                <div role="cell">{r.provider}</div>
                <div role="cell" title={r.job ?? ''}>
                  {r.job ?? '–'}
                </div>
                <div role="cell" className="num">
                  {duration(r.age_seconds)}
                </div>
                <div role="cell" title={r.reason ?? ''}>
                  {r.reason ?? '–'}
                </div>
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
