CREATE TABLE alert (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    terminal_id INTEGER REFERENCES terminal (id),
    customer_id INTEGER,
    cause TEXT NOT NULL,
    severity TEXT NOT NULL,
    state TEXT NOT NULL,
    details TEXT NOT NULL,
    occurrences INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    acknowledged_by TEXT,
    acknowledged_at INTEGER,
    resolution TEXT,
    resolved_by TEXT,
    resolved_at INTEGER,
    resolution_notes TEXT,
    revision INTEGER NOT NULL
) STRICT;

-- One open alert per terminal and cause, ever; and one per cause about the server itself.
CREATE UNIQUE INDEX alert_open ON alert (terminal_id, cause) WHERE state <> 'resolved' AND terminal_id IS NOT NULL;
CREATE UNIQUE INDEX alert_open_server ON alert (cause) WHERE state <> 'resolved' AND terminal_id IS NULL;
CREATE INDEX alert_unresolved ON alert (customer_id, severity) WHERE state <> 'resolved';
CREATE INDEX alert_by_terminal ON alert (terminal_id, id);
CREATE INDEX alert_by_customer ON alert (customer_id, id);
CREATE INDEX alert_by_resolution ON alert (resolved_at) WHERE state = 'resolved';
