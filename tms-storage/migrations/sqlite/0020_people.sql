-- What people prove themselves with, beside a password, and what they hand to their programs. An empty password_hash
-- means that the person has not set a password yet.
ALTER TABLE operator_user ADD COLUMN search_key TEXT NOT NULL DEFAULT '';
UPDATE operator_user SET search_key = lower(username || ' ' || full_name || ' ' || coalesce(email, ''));

-- A session without proven_at was begun by the release before: it was proven when it began.
ALTER TABLE operator_session ADD COLUMN proven_at INTEGER;
ALTER TABLE operator_session ADD COLUMN user_agent TEXT NOT NULL DEFAULT '';

CREATE TABLE operator_api_token (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES operator_user (id) ON DELETE CASCADE,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    last_used_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX operator_api_token_by_user ON operator_api_token (user_id, id);

-- The seed is encrypted. It is asked for once confirmed_at is set; last_step and the steps before are used up.
CREATE TABLE operator_second_factor (
    user_id INTEGER PRIMARY KEY REFERENCES operator_user (id) ON DELETE CASCADE,
    seed BLOB NOT NULL,
    confirmed_at INTEGER,
    last_step INTEGER NOT NULL
) STRICT;

CREATE TABLE operator_recovery_code (
    user_id INTEGER NOT NULL REFERENCES operator_second_factor (user_id) ON DELETE CASCADE,
    hash BLOB NOT NULL,
    PRIMARY KEY (user_id, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE operator_password_link (
    user_id INTEGER PRIMARY KEY REFERENCES operator_user (id) ON DELETE CASCADE,
    hash BLOB NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL
) STRICT;

-- Guesses of passwords and codes; whose they are is a hash.
CREATE TABLE operator_guess (
    guesser BLOB PRIMARY KEY,
    count INTEGER NOT NULL,
    begun_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX operator_guess_by_begin ON operator_guess (begun_at);

CREATE TABLE operator_device (
    hash BLOB PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES operator_user (id) ON DELETE CASCADE,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX operator_device_by_user ON operator_device (user_id, seen_at);
