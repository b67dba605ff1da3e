-- A resource is one row: what is searched for in columns, the rest in a JSON document with AWS's member names.
-- `number` grows for ever and is never used again: it orders lists and names files, because an ARN can return.
CREATE TABLE resource (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    arn      TEXT NOT NULL UNIQUE,
    kind     TEXT NOT NULL,
    account  TEXT NOT NULL,
    region   TEXT NOT NULL,
    name     TEXT NOT NULL,
    status   TEXT NOT NULL,
    created  REAL NOT NULL,
    updated  REAL NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX resource_by_kind ON resource (account, region, kind, number);

-- Every ancestor of every resource: filters of lists and blockers of deletions are the same question.
CREATE TABLE link (
    ancestor TEXT NOT NULL,
    arn      TEXT NOT NULL,
    kind     TEXT NOT NULL,
    number   INTEGER NOT NULL,
    PRIMARY KEY (ancestor, kind, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_by_arn ON link (arn);

CREATE TABLE tag (
    arn   TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (arn, key)
) STRICT, WITHOUT ROWID;

-- Work. States: queued -> gathered -> done | failed.
CREATE TABLE job (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    arn      TEXT NOT NULL,
    kind     TEXT NOT NULL,
    state    TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    spec     TEXT,
    outcome  TEXT,
    failure  TEXT
) STRICT;
CREATE INDEX job_by_state ON job (state);

-- A step is applied when its time has come, the job it waits for has got so far and it was told to go on (`times` more).
CREATE TABLE step (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    arn     TEXT NOT NULL,
    track   TEXT NOT NULL,
    process TEXT NOT NULL,
    stage   TEXT NOT NULL,
    due     REAL NOT NULL,
    times   INTEGER NOT NULL DEFAULT 0,
    job     INTEGER
) STRICT;
CREATE INDEX step_by_due ON step (due, number);
CREATE INDEX step_by_arn ON step (arn);

-- Files of rows. `retired` ones are no longer part of their dataset and leave the disk once no job reads them.
CREATE TABLE segment (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset INTEGER NOT NULL,
    file    TEXT NOT NULL,
    origin  TEXT NOT NULL,
    rows    INTEGER NOT NULL,
    retired INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX segment_by_dataset ON segment (dataset, number);

CREATE TABLE pin (
    job     INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    PRIMARY KEY (segment, job)
) STRICT, WITHOUT ROWID;
