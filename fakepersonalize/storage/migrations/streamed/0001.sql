-- Rows that clients put one by one. `number` grows for ever, through both tables, and is never used again: models
-- remember up to which number they have learnt. `more` and `columns` are JSON: a schema's column -> value.
CREATE TABLE event (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset INTEGER NOT NULL,
    user    TEXT,
    session TEXT NOT NULL,
    id      TEXT,
    item    TEXT NOT NULL,
    time    INTEGER NOT NULL,
    type    TEXT NOT NULL,
    more    TEXT NOT NULL
) STRICT;
CREATE INDEX event_by_dataset ON event (dataset);

CREATE TABLE record (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset INTEGER NOT NULL,
    id      TEXT NOT NULL,
    after   INTEGER NOT NULL,
    columns TEXT NOT NULL
) STRICT;
CREATE INDEX record_by_dataset ON record (dataset);
