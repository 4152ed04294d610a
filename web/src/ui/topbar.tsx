import type { ReactNode } from 'react';
import { useLive } from '../api/live';
import { useStatus } from '../api/queries';
import { duration } from '../model/duration';
import { clockWithSeconds } from '../model/time';
import { Link } from './router';
import { setTheme, useTheme, type Theme } from './theme';

const NEXT: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
const MARK: Record<Theme, string> = { system: '◐', light: '☀', dark: '☾' };

function ThemeButton() {
  const theme = useTheme();
  return (
    <button
      type="button"
      className="btn icon"
      onClick={() => setTheme(NEXT[theme])}
      aria-label={`Theme: ${theme}. Change to ${NEXT[theme]}.`}
      title={`Theme: ${theme}`}
    >
      {MARK[theme]}
    </button>
  );
}

const LIVE_TEXT = { live: 'live', connecting: 'connecting', offline: 'offline' } as const;

export function Freshness({ asOf, lag }: { asOf: string | undefined; lag: number | null | undefined }) {
  const live = useLive();
  return (
    <div className="fresh" data-live={live}>
      <span className="live-mark" role="status" title={live === 'live' ? 'Changes arrive as they happen' : 'Changes do not arrive; the page asks once a minute'}>
        <span className="dot" aria-hidden="true" />
        {LIVE_TEXT[live]}
      </span>
      {asOf !== undefined && (
        <span className="asof" title={`Data as of ${asOf}`}>
          as of <time dateTime={asOf}>{clockWithSeconds(asOf)}</time>
        </span>
      )}
      <span className="lag" title="Time from the newest delivery's arrival to its appearance here">
        lag {lag === null || lag === undefined ? '–' : duration(lag)}
      </span>
    </div>
  );
}

export function TopBar({ children, asOf, lag, current }: { children?: ReactNode; asOf?: string | undefined; lag?: number | null | undefined; current: 'grid' | 'fleet' | 'commit' }) {
  const status = useStatus();
  return (
    <header className="topbar">
      <Link href="/" className="brand" aria-label="Trunkline, newest commits">
        <img src="/favicon.svg" alt="" width="18" height="18" />
        <span>Trunkline</span>
      </Link>
      {children}
      <nav className="topnav" aria-label="Pages">
        <Link href="/" aria-current={current === 'grid' ? 'page' : undefined}>
          Grid
        </Link>
        <Link href="/fleet" aria-current={current === 'fleet' ? 'page' : undefined}>
          Fleet
        </Link>
      </nav>
      <span className="spacer" />
      <Freshness asOf={asOf ?? status.data?.as_of} lag={lag === undefined ? status.data?.intake.lag_seconds : lag} />
      <ThemeButton />
    </header>
  );
}
