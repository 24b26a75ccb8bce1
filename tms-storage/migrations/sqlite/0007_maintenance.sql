CREATE TABLE maintenance (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    terminal_id INTEGER NOT NULL REFERENCES terminal (id),
    from_at INTEGER NOT NULL,
    until_at INTEGER,
    reason TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX maintenance_by_terminal ON maintenance (terminal_id, id);
-- "Until somebody ends it" sorts last.
CREATE INDEX maintenance_by_end ON maintenance (coalesce(until_at, 9223372036854775807), from_at);
