-- A row is there while a snapshot with objects is loaded: objects lie in another file, and a kill may strike between.
CREATE TABLE loading (
    begun REAL NOT NULL
) STRICT;
