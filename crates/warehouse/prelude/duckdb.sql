-- Shared names that DuckDB lacks. Run at every start, so it may change freely.

-- Seconds between two times, never negative; nothing when one is missing.
CREATE OR REPLACE MACRO seconds_between(a, b) AS greatest(date_diff('second', a, b), 0);

CREATE OR REPLACE VIEW storage_size AS
SELECT CAST(block_size * (total_blocks - free_blocks) AS UBIGINT) AS bytes
FROM (
    SELECT block_size, total_blocks, free_blocks
    FROM pragma_database_size() WHERE database_name = current_database()
);
