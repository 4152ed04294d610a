import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { api, ApiError } from '../api/client';
import { keys } from '../api/live';
import { useGrid, useNow, useRepos } from '../api/queries';
import { FleetStrip } from '../fleet/strip';
import { fold, type ViewColumn } from '../model/fold';
import { github, paths, safeUrl } from '../model/routes';
import { formatView, loadPreferences, parseView, savePreferences, type GridView } from '../model/urlstate';
import { navigate, useLocation } from '../ui/router';
import { Empty, ErrorTile, Skeleton } from '../ui/tiles';
import { TopBar } from '../ui/topbar';
import { Grid, HEAD, TITLE, type GridHandle, type Place } from './grid';
import { useMetrics } from './layout';
import { Legend } from './legend';
import { recall, remember, RepoPicker } from './picker';
import { CellTip } from './tip';
import { Toolbar } from './toolbar';
import { useGridKeys } from './keys';

const storage = () => {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
};

export function GridPage({ repo, branch }: { repo: string | null; branch: string | null }) {
  const repos = useRepos();
  const known = repos.data?.repos;
  const last = recall();
  const chosen = repo ?? (known?.find((r) => r.name === last?.repo) ?? known?.[0])?.name ?? null;
  const record = known?.find((r) => r.name === chosen);
  const branchName = branch ?? (repo === null && last !== null && last.repo === chosen ? last.branch : null) ?? record?.default_branch ?? null;
  const { search } = useLocation();

  useEffect(() => {
    if (chosen === null || branchName === null) return;
    remember(chosen, branchName);
    if (repo === null || branch === null) navigate(paths.grid(chosen, branchName) + search, { replace: true });
  }, [repo, branch, chosen, branchName, search]);

  document.title = chosen === null ? 'Trunkline' : `${chosen} ${branchName ?? ''} · Trunkline`;
  if (chosen === null || branchName === null) {
    return (
      <div className="grid-page">
        <TopBar current="grid" />
        <FleetStrip />
        <main className="page">
          <h1 className="sr-only">Commits</h1>
          {repos.isPending && <Skeleton rows={24} label="Loading repositories" />}
          {repos.isError && <ErrorTile title="The repositories could not be loaded" error={repos.error} onRetry={() => void repos.refetch()} />}
          {repos.isSuccess && (
            <Empty title={chosen === null ? 'No repository has sent anything yet' : `${chosen} is not known here`}>
              Point a GitHub webhook (push, pull_request, workflow_run, workflow_job) at <code>{window.location.origin}/webhooks/github</code>, or start{' '}
              <code>trunkline demo</code> to see a simulated project.
            </Empty>
          )}
        </main>
      </div>
    );
  }
  return <RepoGrid repo={chosen} branch={branchName} />;
}

function RepoGrid({ repo, branch }: { repo: string; branch: string }) {
  const { pathname, search } = useLocation();
  const view = useMemo(() => parseView(search, loadPreferences(storage())), [search]);
  const query = useGrid(repo, branch, view.perPage, view.before);
  const client = useQueryClient();
  const now = useNow();
  // Times in the rows are by the minute; a finer clock would only draw every row again.
  const minute = Math.floor(now / 60_000) * 60_000;
  const grid = useRef<GridHandle>(null);
  const filterInput = useRef<HTMLInputElement>(null);
  const [hover, setHover] = useState<Place | null>(null);
  const [legend, setLegend] = useState(false);
  const [newer, setNewer] = useState<(string | null)[]>([]);

  useEffect(() => {
    // A saved preference becomes part of the address, so that a copy of it shows the same.
    const text = formatView(view);
    if (text !== search && pathname.startsWith('/hud/')) navigate(pathname + text, { replace: true });
  }, [view, search, pathname]);

  const change = useCallback(
    (patch: Partial<GridView>, options: { push?: boolean } = {}) => {
      const current = parseView(window.location.search, loadPreferences(storage()));
      const next = { ...current, ...patch };
      savePreferences(storage(), next);
      navigate(paths.grid(repo, branch) + formatView(next), { replace: options.push !== true });
    },
    [repo, branch],
  );

  const data = query.data;
  const columns = data?.columns;
  const groups = data?.groups;
  const reds = view.hideGreen ? data?.commits : undefined;
  const open = view.expanded.join('\n');
  const { grouped, hideGreen, hideUnstable, filter, regex } = view;
  const folded = useMemo(
    () =>
      fold(
        { columns: columns ?? [], groups: groups ?? [], commits: reds ?? [] },
        { grouped, hideGreen, hideUnstable, filter, regex, expanded: new Set(open === '' ? [] : open.split('\n')) },
      ),
    [columns, groups, reds, grouped, hideGreen, hideUnstable, filter, regex, open],
  );
  const metrics = useMetrics(folded.columns.some((c) => c.kind === 'job'));

  const unfold = useCallback(
    (key: string, member?: number) => {
      const current = parseView(window.location.search, loadPreferences(storage())).expanded;
      const name = key.slice(2);
      const isOpen = current.includes(name);
      if (member !== undefined) {
        const job = data?.columns[member]?.name;
        change({ expanded: isOpen ? current : [...current, name], pin: null });
        const place = grid.current?.place();
        // The member's column exists once the unfolded grid is drawn.
        if (job !== undefined) setTimeout(() => grid.current?.go({ row: place?.row ?? HEAD, column: `j:${job}` }), 0);
        return;
      }
      change({ expanded: isOpen ? current.filter((n) => n !== name) : [...current, name] });
    },
    [change, data?.columns],
  );

  const pin = useMemo<Place | null>(() => (view.pin === null ? null : { row: view.pin.sha, column: view.pin.column }), [view.pin?.sha, view.pin?.column]);
  const onPin = useCallback(
    (place: Place) => {
      const same = pin !== null && pin.row === place.row && pin.column === place.column;
      change({ pin: same ? null : { sha: place.row, column: place.column } });
    },
    [change, pin],
  );
  const unpin = useCallback(() => {
    change({ pin: null });
    grid.current?.focus();
  }, [change]);

  const columnFor = (key: string): ViewColumn | undefined => folded.columns.find((c) => c.key === key);

  const openAtGithub = async (place: Place) => {
    const commit = data?.commits.find((c) => c.sha === place.row);
    if (commit === undefined) return;
    const column = place.column === TITLE ? undefined : columnFor(place.column);
    const show = (url: string) => window.open(url, '_blank', 'noopener');
    if (column?.kind !== 'job') return show(github.commit(repo, commit.sha));
    const known = commit.detail[String(column.index)];
    if (known !== undefined) return show(github.job(repo, known[0]));
    try {
      const cell = await client.fetchQuery({
        queryKey: [...keys.cell(repo), commit.sha, column.name],
        queryFn: ({ signal }) => api.cell(repo, commit.sha, column.name, signal),
        staleTime: 15_000,
      });
      return show(safeUrl(cell.runs[0]?.html_url) ?? github.commit(repo, commit.sha));
    } catch {
      return show(github.commit(repo, commit.sha));
    }
  };

  useGridKeys({
    enabled: data !== undefined,
    grid,
    onFilter: () => filterInput.current?.focus(),
    onGrouped: () => change({ grouped: !view.grouped }),
    onUnfold: (place) => {
      const column = columnFor(place.column);
      if (column === undefined) return;
      const group = column.kind === 'group' ? column : folded.columns.find((c) => c.kind === 'group' && c.members.includes(column.index));
      if (group === undefined) return;
      if (column.kind === 'job') grid.current?.go({ row: place.row, column: group.key });
      unfold(group.key);
    },
    onPin,
    onOpen: (place) => void openAtGithub(place),
    onCommit: (place) => {
      if (place.row !== HEAD) navigate(paths.commit(repo, place.row));
    },
    onLegend: () => setLegend(true),
    onEscape: () => {
      if (view.pin !== null) unpin();
      else if (view.filter !== '') change({ filter: '' });
      else setHover(null);
    },
  });

  const tipPlace = pin ?? hover;
  const tipCommit = tipPlace === null ? undefined : data?.commits.find((c) => c.sha === tipPlace.row);
  const tipColumn = tipPlace === null ? undefined : columnFor(tipPlace.column);
  const tipKey = tipPlace === null ? '' : `${tipPlace.row} ${tipPlace.column}`;
  const drawnPin = useRef('');
  const [tipBox, setTipBox] = useState<ReturnType<GridHandle['box']>>(null);
  const ready = tipCommit !== undefined && tipColumn !== undefined;
  useEffect(() => {
    if (!ready || tipPlace === null) return;
    if (pin !== null && drawnPin.current !== tipKey && grid.current?.place() === null) grid.current.go(pin);
    drawnPin.current = tipKey;
    setTipBox(grid.current?.box(tipPlace) ?? null);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the key stands for the place
  }, [tipKey, ready]);

  return (
    <div className="grid-page">
      <TopBar current="grid" asOf={data?.as_of} lag={data === undefined ? undefined : data.intake_lag_seconds}>
        <RepoPicker repo={repo} branch={branch} />
      </TopBar>
      <FleetStrip />
      <Toolbar
        ref={filterInput}
        view={view}
        shown={folded.columns.length}
        next={data?.next ?? null}
        canNewer={view.before !== null}
        onChange={change}
        onOlder={() => {
          if (data?.next == null) return;
          setNewer((list) => [...list, view.before]);
          change({ before: data.next, pin: null }, { push: true });
        }}
        onNewer={() => {
          const to = newer.at(-1) ?? null;
          setNewer((list) => list.slice(0, -1));
          change({ before: to, pin: null }, { push: true });
        }}
        onLegend={() => setLegend(true)}
        onLeaveFilter={() => {
          filterInput.current?.blur();
          grid.current?.focus();
        }}
      />
      <main className={`grid-main${query.isPlaceholderData || (query.isError && data !== undefined) ? ' stale' : ''}`}>
        <h1 className="sr-only">
          Commits of {repo}, {branch}
        </h1>
        {query.isError && data !== undefined && <p className="note bad">The grid could not be renewed: {query.error.message}</p>}
        {data === undefined ? (
          query.isError ? (
            query.error instanceof ApiError && query.error.status === 404 ? (
              <Empty title={`${repo} has no branch ${branch} here`}>
                Choose another branch above. A repository appears with its first webhook; older history comes with <code>trunkline import</code>.
              </Empty>
            ) : (
              <ErrorTile title="The grid could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
            )
          ) : (
            <Skeleton rows={30} label="Loading the grid" />
          )
        ) : data.commits.length === 0 ? (
          <Empty title={view.before === null ? `No commits on ${branch} yet` : 'No older commits'}>
            {view.before === null ? (
              <>
                Commits appear with the first <code>push</code> webhook for this branch. Check the deliveries page of the webhook at GitHub, or run{' '}
                <code>trunkline doctor</code>.
              </>
            ) : (
              <button type="button" className="btn" onClick={() => change({ before: null }, { push: true })}>
                Back to the newest
              </button>
            )}
          </Empty>
        ) : (
          <>
            <Grid ref={grid} data={data} folded={folded} metrics={metrics} now={minute} pin={pin} onHover={setHover} onPin={onPin} onUnfold={unfold} />
            {folded.columns.length === 0 && (
              <div className="grid-hint">
                <Empty title={data.columns.length === 0 ? 'These commits have no jobs yet' : 'No column matches'}>
                  {data.columns.length === 0 ? (
                    <>
                      Jobs appear with <code>workflow_job</code> webhooks.
                    </>
                  ) : (
                    <button type="button" className="btn" onClick={() => change({ filter: '', hideGreen: false, hideUnstable: false })}>
                      Show all columns
                    </button>
                  )}
                </Empty>
              </div>
            )}
          </>
        )}
      </main>
      {ready && (
        <CellTip
          key={tipKey}
          repo={repo}
          commit={tipCommit}
          column={tipColumn}
          names={data?.columns ?? []}
          warnOnly={folded.warnOnly}
          box={tipBox}
          pinned={pin !== null}
          now={now}
          onClose={unpin}
          onUnfold={unfold}
        />
      )}
      {legend && <Legend onClose={() => setLegend(false)} />}
    </div>
  );
}
