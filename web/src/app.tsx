import { CommitPage } from './commit/page';
import { FleetPage } from './fleet/page';
import { GridPage } from './grid/page';
import { parseRoute } from './model/routes';
import { Link, useLocation } from './ui/router';
import { Empty } from './ui/tiles';
import { TopBar } from './ui/topbar';

export function App() {
  const { pathname } = useLocation();
  const route = parseRoute(pathname);
  switch (route.page) {
    case 'grid':
      return <GridPage repo={route.repo} branch={route.branch} />;
    case 'commit':
      return <CommitPage repo={route.repo} sha={route.sha} />;
    case 'fleet':
      return <FleetPage />;
    case 'unknown':
      return (
        <>
          <TopBar current="grid" />
          <main className="page">
            <h1 className="sr-only">Not found</h1>
            <Empty title="There is no such page">
              Nothing lives at <code>{route.path}</code>. <Link href="/">Go to the grid</Link>.
            </Empty>
          </main>
        </>
      );
  }
}
