-- All jobs of a commit with all details, or of one of its cells.
--
-- Nothing is left out: the commit's page shows what the grid hides.
--
-- $repo     repository
-- $sha_key  first 16 digits of the hash, as a number
-- $sha      commit
-- $name     `workflow / job`; empty: every job
SELECT
    j.id AS id, j.full_name AS full_name, j.name AS name, j.workflow_name AS workflow_name,
    j.run_id AS run_id, j.run_attempt AS run_attempt, j.head_branch AS head_branch,
    j.status AS status, j.conclusion AS conclusion, j.labels AS labels,
    j.runner_id AS runner_id, j.runner_name AS runner_name, j.runner_group_name AS runner_group_name,
    j.created_at AS created_at, j.started_at AS started_at, j.completed_at AS completed_at,
    j.html_url AS html_url, j.steps AS steps, coalesce(r.event, '') AS event
FROM (
    SELECT * FROM jobs
    WHERE repo = $repo AND sha_key = $sha_key AND head_sha = $sha AND ($name = '' OR full_name = $name)
) AS j
LEFT JOIN (SELECT id, event FROM runs WHERE repo = $repo AND sha_key = $sha_key) AS r ON r.id = j.run_id
ORDER BY full_name, id
