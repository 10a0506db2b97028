-- The entries of Headcount in ClickHouse: who is where, who waits, and for how long.
--
-- Run this once, then load.sql as often as wanted. Tested with ClickHouse 26.9 (chdb).
--
-- What SQL cannot know is whether the process of a session still exists, and what Claude
-- Code's own files say of it, for instance after Esc. Here a session that was killed stays
-- in its last state until it is archived. `headcount list` looks at both.

CREATE DATABASE IF NOT EXISTS headcount;

-- Every entry of every type. A field of an entry of your own is
-- JSONExtractString(entry, 'field').
CREATE TABLE IF NOT EXISTS headcount.entries
(
    record String COMMENT 'the id of line 1, which identifies a file wherever it is',
    line UInt64 COMMENT 'the order within the file',
    session_id String,
    type LowCardinality(String),
    time Nullable(DateTime64(3, 'UTC')),
    archived Bool,
    entry String,
    loaded DateTime64(6, 'UTC') COMMENT 'when this line was last seen'
)
ENGINE = ReplacingMergeTree(loaded)
ORDER BY (record, line);

-- The lifecycle entries, and the state that the session is in after each of them. When a
-- process closes a session, others may still have it open: then the last of them counts.
CREATE OR REPLACE VIEW headcount.lifecycle AS
SELECT
    *,
    if(type = 'session_close', JSONExtractArrayRaw(entry, 'others')[-1], '') AS other,
    if(other = '', entry, other) AS process,
    nullIf(JSONExtractString(process, 'state'), '') AS entry_state,
    multiIf(
        type = 'session_metadata', 'idle',
        type = 'session_resume', ifNull(entry_state, 'idle'),
        type = 'session_close', ifNull(entry_state, 'closed'),
        entry_state  -- NULL if the entry does not change it
    ) AS state,
    nullIf(JSONExtractString(process, 'waiting_for'), '') AS wait,
    if(state = 'waiting', wait, NULL) AS waiting_for,
    parseDateTime64BestEffortOrNull(JSONExtractString(process, 'state_since'), 3, 'UTC') AS since,
    ifNull(since, time) AS state_since
FROM headcount.entries FINAL
WHERE type IN (
    'session_metadata', 'session_resume', 'heartbeat', 'turn_close', 'session_close'
);

-- One row for each session: where it is, and its state. `loaded` is before the last load
-- if its file has been deleted since.
CREATE OR REPLACE VIEW headcount.sessions AS
WITH
labels AS (
    SELECT record, argMaxIf(JSONExtractString(entry, 'label'), line, JSONHas(entry, 'label')) AS label
    FROM headcount.entries FINAL
    WHERE startsWith(type, 'session_') OR type IN ('heartbeat', 'turn_close')
    GROUP BY record
),
last_entries AS (
    SELECT
        record,
        argMin(session_id, line) AS session_id,
        argMaxIf(tuple(state, waiting_for, state_since), line, state IS NOT NULL) AS last_state,
        argMaxIf(JSONExtractString(entry, 'cwd'), line, JSONHas(entry, 'cwd')) AS cwd,
        argMaxIf(JSONExtractString(entry, 'branch'), line, JSONHas(entry, 'branch')) AS branch,
        argMaxIf(JSONExtractString(entry, 'name'), line, JSONHas(entry, 'name')) AS name,
        argMin(JSONExtractString(entry, 'host'), line) AS first_host,
        -- Where the last process is not on the host of line 1, its entry says so.
        argMax(JSONExtractString(process, 'host'), line) AS last_host,
        argMaxIf(JSONExtractInt(process, 'pid'), line, JSONHas(process, 'pid')) AS pid,
        minIf(time, type = 'session_metadata') AS start_time,
        max(time) AS last_heartbeat,
        argMax(archived, line) AS archived,
        max(loaded) AS loaded
    FROM headcount.lifecycle
    GROUP BY record
)
SELECT
    session_id,
    last_state.1 AS state,
    last_state.2 AS waiting_for,
    last_state.3 AS state_since,
    nullIf(cwd, '') AS cwd,
    nullIf(branch, '') AS branch,
    nullIf(label, '') AS label,
    nullIf(name, '') AS name,
    nullIf(if(last_host = '', first_host, last_host), '') AS host,
    pid,
    start_time,
    last_heartbeat,
    archived,
    loaded
FROM last_entries INNER JOIN labels USING (record);

-- The sessions that wait for a person, those that have waited longest first.
CREATE OR REPLACE VIEW headcount.waiting AS
SELECT
    session_id,
    waiting_for,
    dateDiff('second', state_since, now64(3, 'UTC')) AS waited_seconds,
    ifNull(label, name) AS name,
    cwd,
    branch,
    host
FROM headcount.sessions
WHERE
    state = 'waiting'
    AND NOT archived
    AND loaded = (SELECT max(loaded) FROM headcount.entries)
ORDER BY state_since, session_id;
