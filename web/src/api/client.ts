import { gridPath, repoPath, takeEarly, type GridQuery } from './early';
import type { Cell, CommitPage, Fleet, Grid, Repos, Status } from './schema';

/** A failed request, with what the person looking at the page needs to know. */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await (takeEarly(path) ?? fetch(path, { headers: { accept: 'application/json' }, ...(signal ? { signal } : {}) }));
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(0, 'The server cannot be reached.');
  }
  if (!response.ok) throw new ApiError(response.status, await reason(response));
  return (await response.json()) as T;
}

/** Our errors are `{error: {message, hint}}`; anything else is named by its status. */
async function reason(response: Response): Promise<string> {
  const text = (await response.text().catch(() => '')).slice(0, 2000);
  try {
    const body: unknown = JSON.parse(text);
    const error = (body as { error?: { message?: unknown; hint?: unknown } } | null)?.error;
    const said = [error?.message, error?.hint].filter((part): part is string => typeof part === 'string' && part !== '');
    if (said.length > 0) return said.join('. ');
  } catch {
    if (text !== '' && text.length < 200 && !text.includes('<')) return text;
  }
  return `The server answered ${response.status} ${response.statusText}`.trim() + '.';
}

export const api = {
  repos: (signal?: AbortSignal) => get<Repos>('/api/v1/repos', signal),
  grid: (q: GridQuery, signal?: AbortSignal) => get<Grid>(gridPath(q), signal),
  commit: (repo: string, sha: string, signal?: AbortSignal) =>
    get<CommitPage>(`/api/v1/repos/${repoPath(repo)}/commits/${encodeURIComponent(sha)}`, signal),
  cell: (repo: string, sha: string, name: string, signal?: AbortSignal) =>
    get<Cell>(`/api/v1/repos/${repoPath(repo)}/cell?${new URLSearchParams({ sha, name })}`, signal),
  fleet: (signal?: AbortSignal) => get<Fleet>('/api/v1/fleet', signal),
  status: (signal?: AbortSignal) => get<Status>('/api/v1/status', signal),
};
