-- Measurements by the hour, which outlive the heartbeats.
CREATE TABLE metric_hour (
    terminal_id INTEGER NOT NULL,
    hour_at INTEGER NOT NULL,
    heartbeats INTEGER NOT NULL,
    cpu_min INTEGER,
    cpu_max INTEGER,
    cpu_sum INTEGER,
    cpu_count INTEGER NOT NULL,
    memory_min INTEGER,
    memory_max INTEGER,
    memory_sum INTEGER,
    memory_count INTEGER NOT NULL,
    disk_min INTEGER,
    disk_max INTEGER,
    disk_sum INTEGER,
    disk_count INTEGER NOT NULL,
    temperature_min INTEGER,
    temperature_max INTEGER,
    temperature_sum INTEGER,
    temperature_count INTEGER NOT NULL,
    PRIMARY KEY (terminal_id, hour_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX metric_hour_by_hour ON metric_hour (hour_at);

-- The first hour that is not rolled up so far, and the first heartbeat that may be of it.
CREATE TABLE metric_progress (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    next_hour INTEGER NOT NULL,
    from_id INTEGER NOT NULL
) STRICT;
