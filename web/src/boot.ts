import { fetchEarly, gridPath } from './api/early';
import { parseRoute } from './model/routes';
import { loadPreferences, parseView } from './model/urlstate';
import { applyTheme } from './ui/theme-apply';
import './tokens.css';
import './styles/base.css';
import './styles/strip.css';
import './styles/grid.css';
import './styles/tip.css';
import './styles/pages.css';

// The grid's data and the pages' code travel side by side.
applyTheme();
const route = parseRoute(window.location.pathname);
if (route.page === 'grid' && route.repo !== null && route.branch !== null) {
  const { perPage, before } = parseView(window.location.search, loadPreferences(window.localStorage));
  fetchEarly(gridPath({ repo: route.repo, branch: route.branch, perPage, before }));
}
void import('./main');
