-- Which jobs ran for some commits: the cells of the grid.
--
-- Every run of every job counts, re-runs included; merging several runs of one cell is the reader's part.
-- Left out: jobs and workflows that are about the CI itself, and runs of events that are attached to a commit they
-- do not test. A job whose run is not known yet has an empty event and stays in.
--
-- $repo            repository
-- $sha_keys        first 16 digits of each commit hash, as a number (the reader compares the whole hash)
-- $first_id        smallest id among the jobs of these commits
-- $last_id         largest id among them
-- $skip_names      job names to leave out
-- $skip_workflows  workflow names to leave out
-- $skip_events     triggering events to leave out
SELECT
    j.head_sha AS head_sha, j.full_name AS full_name, j.id AS id, j.run_id AS run_id,
    j.run_attempt AS run_attempt, j.status AS status, j.conclusion AS conclusion
FROM (
    SELECT head_sha, full_name, id, run_id, run_attempt, status, conclusion
    FROM jobs
    WHERE repo = $repo AND sha_key IN ($sha_keys) AND id BETWEEN $first_id AND $last_id
      AND name NOT IN ($skip_names) AND workflow_name NOT IN ($skip_workflows)
) AS j
LEFT JOIN (SELECT id, event FROM runs WHERE repo = $repo AND sha_key IN ($sha_keys)) AS r ON r.id = j.run_id
WHERE coalesce(r.event, '') NOT IN ($skip_events)
