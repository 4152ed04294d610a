import { useRepos } from '../api/queries';
import { paths } from '../model/routes';
import { navigate } from '../ui/router';

const KEY = 'trunkline.last';

export function remember(repo: string, branch: string): void {
  try {
    localStorage.setItem(KEY, JSON.stringify([repo, branch]));
  } catch {
    // The start page then shows the first repository.
  }
}

export function recall(): { repo: string; branch: string } | null {
  try {
    const saved: unknown = JSON.parse(localStorage.getItem(KEY) ?? 'null');
    if (Array.isArray(saved) && typeof saved[0] === 'string' && typeof saved[1] === 'string') return { repo: saved[0], branch: saved[1] };
  } catch {
    // As if nothing had been saved.
  }
  return null;
}

export function RepoPicker({ repo, branch }: { repo: string; branch: string }) {
  const repos = useRepos().data?.repos ?? [];
  const names = repos.some((r) => r.name === repo) ? repos.map((r) => r.name) : [repo, ...repos.map((r) => r.name)];
  const known = repos.find((r) => r.name === repo)?.branches ?? [];
  const branches = known.includes(branch) ? known : [branch, ...known];
  return (
    <div className="picker">
      <select
        aria-label="Repository"
        value={repo}
        onChange={(e) => {
          const next = repos.find((r) => r.name === e.target.value);
          if (next !== undefined) navigate(paths.grid(next.name, next.default_branch));
        }}
      >
        {names.map((n) => (
          <option key={n}>{n}</option>
        ))}
      </select>
      <select aria-label="Branch" value={branch} onChange={(e) => navigate(paths.grid(repo, e.target.value))}>
        {branches.map((b) => (
          <option key={b}>{b}</option>
        ))}
      </select>
    </div>
  );
}
