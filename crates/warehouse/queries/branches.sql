-- Branches of a repository with their newest push, the busiest first.
--
-- $repo  repository
SELECT substring(git_ref, 12) AS branch, count(*) AS commits, max(pushed_at) AS newest_at
FROM push_commits
WHERE repo = $repo AND git_ref LIKE 'refs/heads/%'
GROUP BY git_ref
ORDER BY commits DESC, branch
