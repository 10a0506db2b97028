-- Views over the session files of Headcount: who is where, who waits, and for how long.
--
--     duckdb -init contrib/duckdb/headcount.sql -c 'FROM waiting'
--
-- Nothing is imported: each query reads the live and the archived files as they are then.
-- To use another store, name its folder before this file is read:
--
--     SET VARIABLE headcount = '/srv/headcount';
--     .read contrib/duckdb/headcount.sql
--
-- What SQL cannot know is whether the process of a session still exists, and what Claude
-- Code's own files say of it, for instance after Esc. Here a session that was killed stays
-- in its last state until it is archived. `headcount list` looks at both.

SET VARIABLE headcount = coalesce(getvariable('headcount'), '~/.local/state/headcount');

-- Every entry of every type; `line` gives the order within a file. A field of an entry of
-- your own is entry ->> 'field'. Lines that are not JSON in UTF-8 are skipped.
CREATE OR REPLACE VIEW entries AS
SELECT
    filename,
    row_number() OVER () AS line,
    json ->> 'session_id' AS session_id,
    json ->> 'type' AS type,
    try_cast(coalesce(json ->> 'timestamp', json ->> 'start_time') AS TIMESTAMPTZ) AS time,
    json AS entry
FROM read_ndjson_objects(
    getvariable('headcount') || '/**/*.jsonl', filename = true, ignore_errors = true
)
WHERE json_type(json) = 'OBJECT' AND coalesce(json ->> 'v', '1') = '1';

-- The lifecycle entries, and the state that the session is in after each of them. When a
-- process closes a session, others may still have it open: then the last of them counts.
CREATE OR REPLACE VIEW lifecycle AS
SELECT
    *,
    coalesce(CASE type WHEN 'session_close' THEN entry -> '$.others[#-1]' END, entry)
        AS process,
    CASE type
        WHEN 'session_metadata' THEN 'idle'
        WHEN 'session_resume' THEN coalesce(process ->> 'state', 'idle')
        WHEN 'session_close' THEN coalesce(process ->> 'state', 'closed')
        ELSE process ->> 'state'  -- NULL if the entry does not change it
    END AS state,
    CASE WHEN state = 'waiting' THEN process ->> 'waiting_for' END AS waiting_for,
    coalesce(try_cast(process ->> 'state_since' AS TIMESTAMPTZ), time) AS state_since
FROM entries
WHERE type IN (
    'session_metadata', 'session_resume', 'heartbeat', 'turn_close', 'session_close'
);

-- One row for each session: where it is, and its state.
CREATE OR REPLACE VIEW sessions AS
WITH labels AS (
    SELECT filename, arg_max(entry ->> 'label', line) AS label
    FROM entries
    WHERE type LIKE 'session\_%' ESCAPE '\' OR type IN ('heartbeat', 'turn_close')
    GROUP BY filename
),
last_entries AS (
    SELECT
        filename,
        arg_min(session_id, line) AS session_id,
        arg_max(
            {'state': state, 'waiting_for': waiting_for, 'state_since': state_since}, line
        ) FILTER (state IS NOT NULL) AS last_state,
        arg_max(entry ->> 'cwd', line) AS cwd,
        nullif(arg_max(entry ->> 'branch', line), '') AS branch,
        nullif(arg_max(entry ->> 'name', line), '') AS name,
        -- Where the last process is not on the host of line 1, its entry says so.
        coalesce(arg_max_null(process ->> 'host', line), arg_min(entry ->> 'host', line))
            AS host,
        arg_max(process ->> 'pid', line)::BIGINT AS pid,
        min(time) FILTER (type = 'session_metadata') AS start_time,
        max(time) AS last_heartbeat
    FROM lifecycle
    GROUP BY filename
)
SELECT
    session_id,
    unnest(last_state),
    cwd,
    branch,
    nullif(label, '') AS label,
    name,
    host,
    pid,
    start_time,
    last_heartbeat,
    regexp_matches(filename, '[\\/]archive[\\/][0-9-]+[\\/][^\\/]+$') AS archived,
    filename
FROM last_entries JOIN labels USING (filename);

-- The sessions that wait for a person, those that have waited longest first.
CREATE OR REPLACE VIEW waiting AS
SELECT
    session_id,
    waiting_for,
    date_trunc('second', now() - state_since) AS waited,
    coalesce(label, name) AS name,
    cwd,
    branch,
    host
FROM sessions
WHERE state = 'waiting' AND NOT archived
ORDER BY state_since, session_id;
