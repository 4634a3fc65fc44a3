-- What was recorded. Times are unix milliseconds.
CREATE TABLE sessions (
    id         TEXT    NOT NULL PRIMARY KEY,
    title      TEXT    NOT NULL,
    folder     TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    state      TEXT    NOT NULL CHECK (state IN ('recording', 'finished', 'recovered', 'interrupted'))
) STRICT;

CREATE INDEX sessions_by_start ON sessions (started_at);

-- The files of a session; what is measured is known when a file is complete.
CREATE TABLE files (
    session_id TEXT    NOT NULL REFERENCES sessions (id),
    path       TEXT    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('program', 'iso', 'audio')),
    source     TEXT,
    duration   REAL,
    frames     INTEGER CHECK (frames >= 0),
    bytes      INTEGER CHECK (bytes >= 0),
    state      TEXT    NOT NULL CHECK (state IN ('writing', 'complete', 'recovered', 'lost')),
    PRIMARY KEY (session_id, path)
) STRICT;
