-- Between which ids the jobs of some commits lie, in any repository.
--
-- Ids grow with time, so rows stored together have near ids: with this span `grid_jobs` reads few blocks. It is only a
-- bound, so it may be too wide: not comparing repositories makes it three times as fast.
--
-- $sha_keys  first 16 digits of each commit hash, as a number
SELECT coalesce(min(id), 0) AS first_id, coalesce(max(id), 0) AS last_id
FROM jobs
WHERE sha_key IN ($sha_keys)
