-- Repositories something is known of, by name.
SELECT repo FROM (SELECT DISTINCT repo FROM jobs UNION DISTINCT SELECT DISTINCT repo FROM push_commits) AS known
ORDER BY repo
