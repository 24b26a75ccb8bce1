-- What reports are reckoned from.

-- What the time of an interval counts as, where its status does not tell: `unheard` before the first heartbeat, `retired`.
ALTER TABLE status_change ADD COLUMN phase TEXT;

UPDATE status_change SET phase = 'unheard'
WHERE status = 'offline' AND ended_at <= (SELECT first_seen FROM terminal_presence p WHERE p.terminal_id = status_change.terminal_id);

CREATE INDEX status_change_by_customer ON status_change (customer_id, ended_at);

-- How long the whole fleet was what, by the quarter of an hour, in microseconds.
CREATE TABLE status_quarter (
    at INTEGER PRIMARY KEY,
    online_us INTEGER NOT NULL,
    offline_us INTEGER NOT NULL,
    error_us INTEGER NOT NULL,
    maintenance_us INTEGER NOT NULL,
    unheard_us INTEGER NOT NULL,
    retired_us INTEGER NOT NULL,
    outage_us INTEGER NOT NULL
) STRICT;

-- The first hour whose quarters are not kept so far.
CREATE TABLE status_progress (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    next_hour INTEGER NOT NULL
) STRICT;

CREATE INDEX alert_by_creation ON alert (created_at);
