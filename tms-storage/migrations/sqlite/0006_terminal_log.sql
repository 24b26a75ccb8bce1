CREATE TABLE terminal_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    terminal_id INTEGER NOT NULL REFERENCES terminal (id),
    event_id TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    level TEXT NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    details TEXT NOT NULL
) STRICT;

CREATE INDEX terminal_log_by_terminal ON terminal_log (terminal_id, id);

CREATE TABLE log_dedup (
    terminal_id INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (terminal_id, event_id)
) STRICT, WITHOUT ROWID;
