-- What belongs to S3 and IAM. `facts` and `headers` are JSON; `key` is UTF-8, in which a key may hold anything.
CREATE TABLE bucket (
    name      TEXT PRIMARY KEY,
    account   TEXT NOT NULL,
    partition TEXT NOT NULL,
    facts     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Requests that set something about a bucket, such as its policy: the last one of each kind, in the order they came.
CREATE TABLE setting (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    bucket  TEXT NOT NULL,
    name    TEXT NOT NULL,
    headers TEXT NOT NULL,
    body    BLOB NOT NULL,
    UNIQUE (bucket, name)
) STRICT;

-- The versions of an object, oldest first. `body` names a file; a delete marker has none.
CREATE TABLE version (
    bucket   TEXT NOT NULL,
    key      BLOB NOT NULL,
    position INTEGER NOT NULL,
    body     INTEGER,
    facts    TEXT NOT NULL,
    PRIMARY KEY (bucket, key, position)
) STRICT, WITHOUT ROWID;

-- Roles, and policies of an account's own.
CREATE TABLE identity (
    account   TEXT NOT NULL,
    partition TEXT NOT NULL,
    kind      TEXT NOT NULL,
    name      TEXT NOT NULL,
    facts     TEXT NOT NULL,
    PRIMARY KEY (account, partition, kind, name)
) STRICT, WITHOUT ROWID;
