import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api } from './client';
import { keys } from './live';
import type { FleetTotals } from './schema';

/** Without a stream the pages still follow, only slower. */
const FALLBACK_MS = 60_000;

/** A fresh installation waits for its first delivery; whoever watches should see it soon. */
const EMPTY_MS = 2_000;

export const useRepos = () =>
  useQuery({ queryKey: keys.repos, queryFn: ({ signal }) => api.repos(signal), staleTime: 30_000, refetchInterval: (query) => (query.state.data?.repos.length ? FALLBACK_MS : EMPTY_MS) });

export function useGrid(repo: string | null, branch: string | null, perPage: number, before: string | null) {
  return useQuery({
    queryKey: [...keys.grid(repo ?? ''), branch, perPage, before],
    queryFn: ({ signal }) => api.grid({ repo: repo ?? '', branch: branch ?? '', perPage, before }, signal),
    enabled: repo !== null && branch !== null,
    refetchInterval: FALLBACK_MS,
    placeholderData: (previous) => (previous?.repo === repo && previous?.branch === branch ? previous : undefined),
  });
}

export const useCommit = (repo: string, sha: string) =>
  useQuery({
    queryKey: [...keys.commit(repo), sha],
    queryFn: ({ signal }) => api.commit(repo, sha, signal),
    refetchInterval: FALLBACK_MS,
  });

export const useCell = (repo: string, sha: string, name: string, enabled: boolean) =>
  useQuery({
    queryKey: [...keys.cell(repo), sha, name],
    queryFn: ({ signal }) => api.cell(repo, sha, name, signal),
    enabled,
    staleTime: 15_000,
  });

export const useFleet = () =>
  useQuery({
    queryKey: keys.fleet,
    queryFn: ({ signal }) => api.fleet(signal),
    refetchInterval: FALLBACK_MS,
    placeholderData: keepPreviousData,
  });

/** Totals as the stream last told them; the fleet query fills the time before the first event. */
export const useFleetTotals = () =>
  useQuery<FleetTotals | null>({ queryKey: keys.totals, queryFn: () => null, enabled: false, initialData: null }).data;

export const useStatus = () =>
  useQuery({ queryKey: keys.status, queryFn: ({ signal }) => api.status(signal), refetchInterval: FALLBACK_MS, retry: 0 });

/** The server's clock: ages are counted from what it says, which matters when its time is simulated. */
export function useNow(): number {
  const { data, dataUpdatedAt } = useStatus();
  const asOf = data === undefined ? Number.NaN : Date.parse(data.as_of);
  return Number.isFinite(asOf) ? asOf : dataUpdatedAt || Date.now();
}
