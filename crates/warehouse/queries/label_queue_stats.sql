-- How long jobs waited for a runner, per label.
--
-- wait = started_at - created_at in whole seconds, never below 0, of jobs created in the window that have started
-- (skipped ones and those cancelled while they waited never had a runner and do not count). Percentiles interpolate linearly,
-- to the millisecond.
-- A job with several labels counts under each.
--
-- $repo  repository; empty: all
-- $from  window, from (included)
-- $to    window, to (excluded)
SELECT
    label,
    count(*) AS jobs,
    round(quantile_cont(wait_seconds, 0.5), 3) AS p50_seconds,
    round(quantile_cont(wait_seconds, 0.9), 3) AS p90_seconds,
    round(quantile_cont(wait_seconds, 0.99), 3) AS p99_seconds,
    max(wait_seconds) AS max_seconds
FROM (
    SELECT unnest(labels) AS label, seconds_between(created_at, started_at) AS wait_seconds
    FROM jobs
    WHERE created_at >= $from AND created_at < $to AND started_at IS NOT NULL
      AND status IN ('in_progress', 'completed') AND runner_id IS NOT NULL
      AND ($repo = '' OR repo = $repo)
) AS waits
GROUP BY label
ORDER BY jobs DESC, label
