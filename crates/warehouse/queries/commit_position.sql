-- Where a commit stands on a branch: where the next page begins.
--
-- $repo     repository
-- $git_ref  full ref
-- $sha      commit
SELECT pushed_at, position FROM push_commits WHERE repo = $repo AND git_ref = $git_ref AND sha = $sha
