CREATE TABLE operator_user (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL UNIQUE,
    full_name TEXT NOT NULL,
    email TEXT,
    role TEXT NOT NULL,
    customer_id INTEGER REFERENCES customer (id),
    password_hash TEXT NOT NULL,
    is_disabled INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;

CREATE INDEX operator_user_by_customer ON operator_user (customer_id) WHERE customer_id IS NOT NULL;

CREATE TABLE operator_session (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES operator_user (id),
    access_hash BLOB NOT NULL UNIQUE,
    access_until INTEGER NOT NULL,
    refresh_hash BLOB NOT NULL,
    previous_hash BLOB,
    rotated_at INTEGER,
    expires_at INTEGER NOT NULL,
    is_revoked INTEGER NOT NULL,
    address TEXT,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX operator_session_by_user ON operator_session (user_id);
CREATE INDEX operator_session_by_end ON operator_session (expires_at);

-- Every refresh token that a session ever had, so that a copied one is known again.
CREATE TABLE operator_refresh_token (
    hash BLOB PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES operator_session (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX operator_refresh_token_by_session ON operator_refresh_token (session_id);
