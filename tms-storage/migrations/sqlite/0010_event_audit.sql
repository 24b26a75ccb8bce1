CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    customer_id INTEGER,
    at INTEGER NOT NULL,
    data TEXT NOT NULL
) STRICT;

-- The last event that retention has dropped.
CREATE TABLE event_horizon (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    dropped_to INTEGER NOT NULL
) STRICT;

CREATE TABLE audit_entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    role TEXT,
    action TEXT NOT NULL,
    target_type TEXT NOT NULL,
    target_id INTEGER,
    changes TEXT NOT NULL,
    ip_address TEXT,
    user_agent TEXT NOT NULL,
    request_id TEXT NOT NULL
) STRICT;

CREATE INDEX audit_entry_by_time ON audit_entry (at);
CREATE INDEX audit_entry_by_target ON audit_entry (target_type, target_id);
