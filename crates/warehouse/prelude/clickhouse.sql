-- Shared names that ClickHouse lacks. Run at every start, so it may change freely.

-- Seconds between two times, never negative; nothing when one is missing.
CREATE OR REPLACE FUNCTION seconds_between AS (a, b) -> greatest(dateDiff('second', a, b), 0);

-- Percentile with linear interpolation between neighbours.
CREATE OR REPLACE FUNCTION quantile_cont AS (x, p) -> quantileExactInclusive(p)(x);

CREATE OR REPLACE VIEW storage_size AS
SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = currentDatabase();
