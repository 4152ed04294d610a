/** Addresses of the API, and answers asked for before the pages' own code has arrived. */

export interface GridQuery {
  repo: string;
  branch: string;
  perPage: number;
  before: string | null;
}

export const repoPath = (repo: string) => repo.split('/').map(encodeURIComponent).join('/');

export function gridPath(q: GridQuery): string {
  const params = new URLSearchParams({ branch: q.branch, per_page: String(q.perPage) });
  if (q.before !== null) params.set('before', q.before);
  return `/api/v1/repos/${repoPath(q.repo)}/grid?${params}`;
}

const early = new Map<string, Promise<Response>>();

export function fetchEarly(path: string): void {
  const answer = fetch(path, { headers: { accept: 'application/json' } });
  // Whoever takes the answer sees the failure; until then it is nobody's.
  answer.catch(() => undefined);
  early.set(path, answer);
}

/** Each early answer serves one request; the next one asks again. */
export function takeEarly(path: string): Promise<Response> | undefined {
  const answer = early.get(path);
  early.delete(path);
  return answer;
}
