import type { QueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import type { CommitsChanged, FleetTotals, Status } from './schema';

export type LiveState = 'connecting' | 'live' | 'offline';

export const keys = {
  repos: ['repos'] as const,
  grid: (repo: string) => ['grid', repo] as const,
  commit: (repo: string) => ['commit', repo] as const,
  cell: (repo: string) => ['cell', repo] as const,
  fleet: ['fleet'] as const,
  totals: ['fleet-totals'] as const,
  status: ['status'] as const,
};

/** Calls `run` at once, then at most once per interval while calls keep coming. */
export function throttle(run: () => void, intervalMs: number): () => void {
  let last = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const fire = () => {
    timer = undefined;
    last = Date.now();
    run();
  };
  return () => {
    if (timer !== undefined) return;
    const wait = last + intervalMs - Date.now();
    if (wait <= 0) fire();
    else timer = setTimeout(fire, wait);
  };
}

let state: LiveState = 'connecting';
const listeners = new Set<() => void>();

function setState(next: LiveState): void {
  if (next === state) return;
  state = next;
  for (const listener of listeners) listener();
}

export function useLive(): LiveState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

function parse<T>(event: Event): T | null {
  try {
    return JSON.parse((event as MessageEvent<string>).data) as T;
  } catch {
    return null;
  }
}

/** The one stream of the page: it says what changed, the queries fetch it. */
export function connectLive(client: QueryClient): () => void {
  const refreshes = new Map<string, () => void>();
  const refreshRepo = (repo: string) => {
    let refresh = refreshes.get(repo);
    if (refresh === undefined) {
      refresh = throttle(() => {
        for (const key of [keys.grid(repo), keys.commit(repo), keys.cell(repo)]) void client.invalidateQueries({ queryKey: key });
      }, 1000);
      refreshes.set(repo, refresh);
    }
    refresh();
  };
  const refreshFleet = throttle(() => void client.invalidateQueries({ queryKey: keys.fleet }), 1000);

  let source: EventSource | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let attempts = 0;
  let missed = false;
  let stopped = false;

  const open = () => {
    retry = undefined;
    if (stopped) return;
    const stream = new EventSource('/api/v1/stream');
    source = stream;
    stream.onopen = () => {
      attempts = 0;
      setState('live');
      // What happened while the line was down is only known to the server.
      if (missed) void client.invalidateQueries();
      missed = false;
    };
    stream.onerror = () => {
      missed = true;
      setState('offline');
      // The browser reconnects by itself, except after an error answer.
      if (stream.readyState === EventSource.CLOSED) {
        stream.close();
        attempts += 1;
        retry = setTimeout(open, Math.min(30_000, 500 * 2 ** attempts));
      }
    };
    stream.addEventListener('commits', (event) => {
      const data = parse<CommitsChanged>(event);
      if (data !== null) refreshRepo(data.repo);
    });
    stream.addEventListener('fleet', (event) => {
      const totals = parse<FleetTotals>(event);
      if (totals !== null) client.setQueryData(keys.totals, totals);
      refreshFleet();
    });
    stream.addEventListener('status', (event) => {
      const status = parse<Partial<Status>>(event);
      if (status?.as_of !== undefined && status.intake !== undefined) client.setQueryData(keys.status, status);
    });
  };
  open();

  return () => {
    stopped = true;
    clearTimeout(retry);
    source?.close();
  };
}
