export type Route =
  | { page: 'grid'; repo: string | null; branch: string | null }
  | { page: 'commit'; repo: string; sha: string }
  | { page: 'fleet' }
  | { page: 'unknown'; path: string };

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function parseRoute(pathname: string): Route {
  const parts = pathname.split('/').filter((p) => p !== '').map(decode);
  const [head, owner, name, ...rest] = parts;
  if (head === undefined) return { page: 'grid', repo: null, branch: null };
  if (head === 'fleet' && parts.length === 1) return { page: 'fleet' };
  if (head === 'hud' && owner && name) {
    // Branch names hold slashes; accept them plain as well as encoded.
    return { page: 'grid', repo: `${owner}/${name}`, branch: rest.length > 0 ? rest.join('/') : null };
  }
  if (head === 'hud' && parts.length === 1) return { page: 'grid', repo: null, branch: null };
  if (head === 'commit' && owner && name && rest.length === 1 && rest[0]) {
    return { page: 'commit', repo: `${owner}/${name}`, sha: rest[0] };
  }
  return { page: 'unknown', path: pathname };
}

const repoPath = (repo: string) => repo.split('/').map(encodeURIComponent).join('/');

export const paths = {
  grid: (repo: string, branch: string) => `/hud/${repoPath(repo)}/${encodeURIComponent(branch)}`,
  commit: (repo: string, sha: string) => `/commit/${repoPath(repo)}/${encodeURIComponent(sha)}`,
  fleet: () => '/fleet',
};

/** Links to GitHub. Only http(s) addresses from the server are followed. */
export const github = {
  commit: (repo: string, sha: string) => `https://github.com/${repoPath(repo)}/commit/${encodeURIComponent(sha)}`,
  pull: (repo: string, pr: number) => `https://github.com/${repoPath(repo)}/pull/${pr}`,
  user: (login: string) => `https://github.com/${encodeURIComponent(login)}`,
  job: (repo: string, id: number) => `https://github.com/${repoPath(repo)}/runs/${id}`,
};

export function safeUrl(url: string | null | undefined): string | undefined {
  return url !== null && url !== undefined && /^https?:\/\//i.test(url) ? url : undefined;
}
