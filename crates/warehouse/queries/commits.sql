-- Commits of a branch, newest first: the rows of the grid.
--
-- Order: time of the push, then position in the push, so a stack that lands in one push shows all its commits.
-- A commit that was pushed again counts where it was pushed last.
--
-- $repo             repository
-- $git_ref          full ref
-- $all              1: from the newest commit on; 0: only what lies below the position that follows
-- $before_time      time of the push of the last commit seen
-- $before_position  its position in the push
-- $before_sha       its hash
-- $limit            how many
SELECT sha, message, author_name, author_login, pr, pushed_at, committed_at, url
FROM push_commits
WHERE repo = $repo AND git_ref = $git_ref
  AND ($all = 1
    OR pushed_at < $before_time
    OR (pushed_at = $before_time AND position < $before_position)
    OR (pushed_at = $before_time AND position = $before_position AND sha < $before_sha))
ORDER BY pushed_at DESC, position DESC, sha DESC
LIMIT $limit
