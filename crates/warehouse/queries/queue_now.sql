-- How many jobs wait for a runner, per label, and since when the oldest.
--
-- A job waits from its creation until it is in progress. A job with several labels counts under each.
--
-- $repo   repository; empty: all
-- $since  jobs created before are ghosts whose end was never told; they do not count
SELECT label, count(*) AS queued, min(created_at) AS oldest_at
FROM (
    SELECT unnest(labels) AS label, created_at
    FROM jobs
    WHERE status = 'queued' AND created_at >= $since AND ($repo = '' OR repo = $repo)
) AS waiting
GROUP BY label
ORDER BY queued DESC, label
