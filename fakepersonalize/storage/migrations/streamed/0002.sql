-- When a row came, in seconds of the emulator's clock: what waits to count goes on waiting after a restart.
ALTER TABLE event ADD COLUMN at REAL NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN at REAL NOT NULL DEFAULT 0;
