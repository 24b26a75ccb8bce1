CREATE TABLE notification_channel (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    is_enabled INTEGER NOT NULL,
    document TEXT NOT NULL,
    secret BLOB,
    failures INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    last_failed_at INTEGER,
    last_sent_at INTEGER,
    resume_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;

CREATE TABLE notification_message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel_id INTEGER NOT NULL REFERENCES notification_channel ON DELETE CASCADE,
    items TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;

CREATE INDEX notification_message_pending ON notification_message (channel_id, id) WHERE state = 'pending';
CREATE INDEX notification_message_by_creation ON notification_message (created_at);

CREATE TABLE notification_progress (
    only_one INTEGER PRIMARY KEY DEFAULT 1 CHECK (only_one = 1),
    event_transaction INTEGER NOT NULL,
    event_row INTEGER NOT NULL,
    last_alert INTEGER
) STRICT;
