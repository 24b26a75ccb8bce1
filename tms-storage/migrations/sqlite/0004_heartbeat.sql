-- Written at its end only. `previous_id` is the heartbeat before it of the same terminal: a chain in place of an index,
-- which would touch a page of its own for each heartbeat. Retention drops rows from the front, so a chain ends where
-- its next row is gone.
CREATE TABLE heartbeat_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    terminal_id INTEGER NOT NULL,
    previous_id INTEGER,
    received_at INTEGER NOT NULL,
    agent_time INTEGER NOT NULL,
    seq INTEGER,
    device TEXT NOT NULL,
    device_code INTEGER NOT NULL,
    cpu_percent INTEGER,
    memory_percent INTEGER,
    disk_percent INTEGER,
    temperature_c INTEGER,
    transaction_count INTEGER
) STRICT;

CREATE TABLE status_change (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    terminal_id INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    status TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    next_status TEXT NOT NULL
) STRICT;

CREATE INDEX status_change_by_terminal ON status_change (terminal_id, id);
CREATE INDEX status_change_by_end ON status_change (ended_at);

CREATE TABLE outage (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    from_at INTEGER NOT NULL,
    to_at INTEGER NOT NULL
) STRICT;

CREATE TABLE liveness (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
