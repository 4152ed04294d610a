-- How many rows each table has, one per key, with the oldest and newest time.
SELECT 'pushes' AS name, count(*) AS row_count, min(pushed_at) AS oldest_at, max(pushed_at) AS newest_at FROM pushes
UNION ALL SELECT 'push_commits', count(*), min(pushed_at), max(pushed_at) FROM push_commits
UNION ALL SELECT 'pull_requests', count(*), min(updated_at), max(updated_at) FROM pull_requests
UNION ALL SELECT 'runs', count(*), min(created_at), max(created_at) FROM runs
UNION ALL SELECT 'jobs', count(*), min(created_at), max(created_at) FROM jobs
UNION ALL SELECT 'reviews', count(*), min(submitted_at), max(submitted_at) FROM reviews
UNION ALL SELECT 'issue_comments', count(*), min(created_at), max(created_at) FROM issue_comments
UNION ALL SELECT 'check_runs', count(*), min(seen_at), max(seen_at) FROM check_runs
