import { useFleet, useFleetTotals } from '../api/queries';
import type { Fleet, FleetLabel, FleetTotals } from '../api/schema';
import { duration } from '../model/duration';
import { Link } from '../ui/router';

export const PHASES = ['queued', 'booting', 'idle', 'busy'] as const;
export type Phase = (typeof PHASES)[number];

export function Bar({ counts, scale }: { counts: FleetTotals; scale: number }) {
  return (
    <span className="bar" aria-hidden="true">
      {PHASES.map((phase) =>
        counts[phase] > 0 ? (
          <span key={phase} className={`seg seg-${phase}`} style={{ width: `${Math.max(2, (100 * counts[phase]) / Math.max(1, scale))}%` }} />
        ) : null,
      )}
    </span>
  );
}

export const total = (c: FleetTotals) => c.queued + c.booting + c.idle + c.busy;

export function byUrgency(a: FleetLabel, b: FleetLabel): number {
  return b.queued - a.queued || total(b) - total(a) || a.label.localeCompare(b.label);
}

export function oldestWait(fleet: Fleet): { label: string; seconds: number } | null {
  let worst: { label: string; seconds: number } | null = null;
  for (const { label, oldest_queued_seconds: seconds } of fleet.labels) {
    if (seconds !== null && (worst === null || seconds > worst.seconds)) worst = { label, seconds };
  }
  return worst;
}

export function Totals({ totals }: { totals: FleetTotals }) {
  return (
    <dl className="totals">
      {PHASES.map((phase) => (
        <div key={phase}>
          <dt>
            <span className={`swatch seg-${phase}`} aria-hidden="true" />
            {phase}
          </dt>
          <dd>{totals[phase]}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Demand and supply at a glance, most urgent label first. */
export function FleetStrip() {
  const fleet = useFleet();
  const live = useFleetTotals();
  if (fleet.isError && fleet.data === undefined) {
    return (
      <section className="strip" aria-label="Runners and queue">
        <span className="strip-note bad">Runner and queue figures are not available: {fleet.error.message}</span>
      </section>
    );
  }
  if (fleet.data === undefined) {
    return (
      <section className="strip" aria-label="Runners and queue" aria-busy="true">
        <span className="strip-note">Loading runners and queue…</span>
      </section>
    );
  }
  const data = fleet.data;
  const totals = live ?? data.totals;
  const worst = oldestWait(data);
  const labels = data.labels.filter((l) => total(l) + l.planned > 0).sort(byUrgency);
  const scale = Math.max(1, ...labels.map(total));
  return (
    <section className={`strip${fleet.isError ? ' stale' : ''}`} aria-label="Runners and queue">
      <Link href="/fleet" className="strip-totals">
        <span className="sr-only">Fleet:</span>
        <Totals totals={totals} />
        <span className="oldest" title={worst === null ? 'Nothing waits' : `Longest wait: ${worst.label}`}>
          oldest <span className="long">wait </span>
          <b>{worst === null ? '–' : duration(worst.seconds)}</b>
        </span>
      </Link>
      {labels.length === 0 ? (
        <span className="strip-note">No runners and nothing queued.</span>
      ) : (
        <ul className="strip-labels" tabIndex={0} aria-label="Per label">
          {labels.slice(0, 40).map((l) => (
            <li key={l.label} title={title(l)}>
              <span className="label-name">{l.label}</span>
              <Bar counts={l} scale={scale} />
              <span className="label-numbers">
                <span className="sr-only">{title(l)}</span>
                <span aria-hidden="true">
                  {l.queued > 0 && <b className="q">{l.queued}q</b>}
                  {l.booting > 0 && <span>{l.booting}↑</span>}
                  {l.idle > 0 && <span>{l.idle}i</span>}
                  {l.busy > 0 && <span>{l.busy}b</span>}
                </span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function title(l: FleetLabel): string {
  const wait = l.oldest_queued_seconds === null ? '' : `, oldest waits ${duration(l.oldest_queued_seconds)}`;
  const max = l.max === null ? '' : `, at most ${l.max}`;
  return `${l.label}: ${l.queued} queued${wait}, ${l.planned} planned, ${l.booting} booting, ${l.idle} idle, ${l.busy} busy${max}`;
}
