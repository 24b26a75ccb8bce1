CREATE TABLE enrolment_code (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,
    customer_id INTEGER NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    store_name TEXT,
    store_code TEXT,
    serial_number TEXT,
    max_uses INTEGER NOT NULL,
    used INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    is_revoked INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX enrolment_code_by_customer ON enrolment_code (customer_id);

-- A revoked token is deleted; one that was rotated has `valid_until`.
CREATE TABLE agent_token (
    hash BLOB PRIMARY KEY,
    terminal_id INTEGER NOT NULL REFERENCES terminal (id),
    valid_until INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX agent_token_by_terminal ON agent_token (terminal_id);

CREATE TABLE agent_token_revocation (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;
