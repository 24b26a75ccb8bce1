-- What reports are reckoned from.

-- What the time of an interval counts as, where its status does not tell: `unheard` before the first heartbeat, `retired`.
ALTER TABLE status_change ADD COLUMN phase text;

UPDATE status_change s SET phase = 'unheard'
FROM terminal_presence p
WHERE p.terminal_id = s.terminal_id AND s.status = 'offline' AND s.ended_at <= p.first_seen;

CREATE INDEX status_change_customer_idx ON status_change (customer_id, ended_at);
-- Of a day long ago, later partitions hold only the few intervals that had begun by then.
CREATE INDEX status_change_began_idx ON status_change (began_at);

-- How long the whole fleet was what, by the quarter of an hour, in microseconds.
CREATE TABLE status_quarter (
    at timestamptz CONSTRAINT status_quarter_pkey PRIMARY KEY,
    online_us bigint NOT NULL,
    offline_us bigint NOT NULL,
    error_us bigint NOT NULL,
    maintenance_us bigint NOT NULL,
    unheard_us bigint NOT NULL,
    retired_us bigint NOT NULL,
    outage_us bigint NOT NULL
);

-- The first hour whose quarters are not kept so far.
CREATE TABLE status_progress (
    one boolean CONSTRAINT status_progress_pkey PRIMARY KEY CHECK (one),
    next_hour timestamptz NOT NULL
);

CREATE INDEX alert_created_idx ON alert (created_at);
