-- Load the session files of Headcount, live and archived, into the table of schema.sql. A
-- line that is loaded again replaces itself. The parameter `store` is the absolute path of the
-- folder; a server reads only files below its `user_files_path`. Lines that are not JSON are
-- skipped.

INSERT INTO headcount.entries
WITH lines AS (
    SELECT _path AS path, _row_number AS number, line AS entry
    FROM file(concat({store:String}, '/**/*.jsonl'), LineAsString)
    WHERE JSONType(entry) = 'Object' AND NOT (JSONHas(entry, 'v') AND JSONExtractInt(entry, 'v') != 1)
)
SELECT
    first_value(JSONExtractString(entry, 'id')) OVER (PARTITION BY path ORDER BY number) AS record,
    number AS line,
    JSONExtractString(entry, 'session_id') AS session_id,
    JSONExtractString(entry, 'type') AS type,
    parseDateTime64BestEffortOrNull(
        JSONExtractString(entry, if(JSONHas(entry, 'timestamp'), 'timestamp', 'start_time')), 3, 'UTC'
    ) AS time,
    match(path, '/archive/[0-9-]+/[^/]+$') AS archived,
    entry,
    now64(6, 'UTC') AS loaded
FROM lines;
