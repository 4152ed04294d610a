import { useMemo, useState } from 'react';
import { useCommit, useNow } from '../api/queries';
import type { CommitPage as CommitData } from '../api/schema';
import { ApiError } from '../api/client';
import { age, duration } from '../model/duration';
import { jobState, origin, sections, workflowBoxes, type JobState, type WorkflowBox } from '../model/jobs';
import { github, safeUrl } from '../model/routes';
import { STATUS_WORD } from '../model/status';
import { shortTime } from '../model/time';
import { Link } from '../ui/router';
import { Author, Linked } from '../ui/text';
import { Empty, ErrorTile, Skeleton } from '../ui/tiles';
import { TopBar } from '../ui/topbar';
import { Gantt } from './gantt';

export function CommitPage({ repo, sha }: { repo: string; sha: string }) {
  const query = useCommit(repo, sha);
  document.title = `${query.data?.commit.title ?? sha.slice(0, 7)} · Trunkline`;
  return (
    <>
      <TopBar current="commit">
        <span className="crumb">
          <Link href={`/hud/${repo}`}>{repo}</Link>
          <span aria-hidden="true"> / </span>
          <code>{sha.slice(0, 7)}</code>
        </span>
      </TopBar>
      <main className="page">
        {query.isPending && (
          <>
            <h1 className="sr-only">Commit {sha.slice(0, 7)}</h1>
            <Skeleton rows={14} label="Loading the commit" />
          </>
        )}
        {query.isError && query.data === undefined && (
          <>
            <h1 className="sr-only">Commit {sha.slice(0, 7)}</h1>
            {query.error instanceof ApiError && query.error.status === 404 ? (
              <Empty title={`Commit ${sha.slice(0, 12)} is not known here`}>
                Trunkline shows commits whose push or jobs it received. See it{' '}
                <a href={github.commit(repo, sha)}>at GitHub</a>, or import older history with <code>trunkline import</code>.
              </Empty>
            ) : (
              <ErrorTile title="The commit could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
            )}
          </>
        )}
        {query.data !== undefined && <Loaded repo={repo} data={query.data} stale={query.isError} />}
      </main>
    </>
  );
}

function Loaded({ repo, data, stale }: { repo: string; data: CommitData; stale: boolean }) {
  const now = useNow();
  const { commit, counts } = data;
  const jobs = useMemo(() => data.jobs.map(jobState), [data.jobs]);
  const parts = useMemo(() => sections(jobs), [jobs]);
  const boxes = useMemo(() => workflowBoxes(jobs), [jobs]);
  const body = commit.message.startsWith(commit.title) ? commit.message.slice(commit.title.length).trim() : commit.message.trim();
  return (
    <div className={stale ? 'stale' : undefined}>
      {stale && <p className="note bad">These figures could not be renewed; they are as of the last answer.</p>}
      <section className="panel commit-head">
        <h1>
          <Linked text={commit.title} repo={repo} />
        </h1>
        <p className="commit-meta">
          <a href={safeUrl(commit.url) ?? github.commit(repo, commit.sha)}>
            <code>{commit.sha.slice(0, 12)}</code>
          </a>
          <span>
            <Author name={commit.author} />
          </span>
          {commit.pr !== null && <a href={github.pull(repo, commit.pr)}>#{commit.pr}</a>}
          <time dateTime={commit.time} title={commit.time}>
            {shortTime(commit.time, now)} ({age(commit.time, now)})
          </time>
        </p>
        {body !== '' && (
          <details className="message" open={body.length < 400}>
            <summary>Message</summary>
            <pre>
              <Linked text={body} repo={repo} />
            </pre>
          </details>
        )}
        <ul className="counts" aria-label="Jobs by state">
          {(['failure', 'running', 'queued', 'success', 'other'] as const).map((key) => (
            <li key={key} className={`count-${key}${counts[key] === 0 ? ' zero' : ''}`}>
              <b>{counts[key]}</b> {key}
            </li>
          ))}
        </ul>
      </section>
      {jobs.length === 0 ? (
        <Empty title="No jobs for this commit yet">
          Jobs appear as soon as GitHub reports them. Nothing for a while? Check that the webhook sends <code>workflow_job</code> events.
        </Empty>
      ) : (
        <>
          <JobList title="Failed" kind="bad" jobs={parts.failed} repo={repo} />
          <JobList title="Failed, does not block" kind="warn" jobs={parts.warning} repo={repo} />
          <JobList title="Running" kind="run" jobs={parts.running} repo={repo} />
          <JobList title="Queued" kind="queue" jobs={parts.queued} repo={repo} />
          <section aria-labelledby="wf-h">
            <h2 id="wf-h">
              Workflows <span className="count">{boxes.length}</span>
            </h2>
            <div className="boxes">
              {boxes.map((box) => (
                <Box key={box.name} box={box} repo={repo} />
              ))}
            </div>
          </section>
          <section className="panel" aria-labelledby="tl-h">
            <h2 id="tl-h">Timeline</h2>
            <Gantt jobs={jobs} nowMs={now} />
          </section>
        </>
      )}
    </div>
  );
}

const SHOWN = 40;

function JobList({ title, kind, jobs, repo }: { title: string; kind: string; jobs: JobState[]; repo: string }) {
  const [all, setAll] = useState(false);
  if (jobs.length === 0) return null;
  return (
    <section className={`panel list list-${kind}`} aria-label={`${title} jobs`}>
      <h2>
        {title} <span className="count">{jobs.length}</span>
      </h2>
      <ul className="jobs">
        {(all ? jobs : jobs.slice(0, SHOWN)).map((j) => (
          <JobRow key={`${j.job.id}-${j.job.attempt}`} state={j} name={j.job.name} repo={repo} long />
        ))}
      </ul>
      {jobs.length > SHOWN && !all && (
        <button type="button" className="btn" onClick={() => setAll(true)}>
          Show {jobs.length - SHOWN} more
        </button>
      )}
    </section>
  );
}

function Box({ box, repo }: { box: WorkflowBox; repo: string }) {
  const [all, setAll] = useState(false);
  return (
    <article className={`box box-${box.worst}`} aria-label={`Workflow ${box.name}: ${STATUS_WORD[box.worst]}`}>
      <h3>
        {box.name} <span className="count">{box.jobs.length}</span>
      </h3>
      <ul className="jobs">
        {(all ? box.jobs : box.jobs.slice(0, SHOWN)).map((j) => (
          <JobRow key={`${j.job.id}-${j.job.attempt}`} state={j} name={j.short} repo={repo} />
        ))}
      </ul>
      {box.jobs.length > SHOWN && !all && (
        <button type="button" className="btn" onClick={() => setAll(true)}>
          Show {box.jobs.length - SHOWN} more
        </button>
      )}
    </article>
  );
}

function JobRow({ state, name, repo, long = false }: { state: JobState; name: string; repo: string; long?: boolean }) {
  const { job, kind } = state;
  return (
    <li>
      <span className={`cell-mark s-${kind}`} role="img" aria-label={STATUS_WORD[kind]}>
        {job.letter}
      </span>
      <a className="job-name" href={safeUrl(job.html_url) ?? github.job(repo, job.id)} title={job.name}>
        {name}
      </a>
      <span className="job-times" title={`queued ${duration(job.queue_seconds)}, ran ${duration(job.run_seconds)}`}>
        <span className="sr-only">queued </span>
        <span className="muted">{duration(job.queue_seconds)}</span>
        <span className="sr-only">, ran </span>
        <span aria-hidden="true"> + </span>
        {duration(job.run_seconds)}
      </span>
      {long && (
        <span className="job-more muted">
          {origin(job)}
          {job.runner_name !== null && job.runner_name !== '' && <> · {job.runner_name}</>}
          {job.labels.length > 0 && <> · {job.labels.join(', ')}</>}
        </span>
      )}
    </li>
  );
}

