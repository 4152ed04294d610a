-- One commit, as its newest push to any branch tells it.
--
-- $repo  repository
-- $sha   commit
SELECT sha, message, author_name, author_login, pr, pushed_at, committed_at, url
FROM push_commits
WHERE repo = $repo AND sha = $sha
ORDER BY pushed_at DESC, git_ref
LIMIT 1
