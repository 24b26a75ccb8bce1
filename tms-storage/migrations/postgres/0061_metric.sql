-- Measurements by the hour, which outlive the heartbeats.

CREATE TABLE metric_hour (
    terminal_id bigint NOT NULL,
    hour_at timestamptz NOT NULL,
    cpu_sum bigint,
    memory_sum bigint,
    disk_sum bigint,
    temperature_sum bigint,
    heartbeats bigint NOT NULL,
    cpu_count bigint NOT NULL,
    memory_count bigint NOT NULL,
    disk_count bigint NOT NULL,
    temperature_count bigint NOT NULL,
    cpu_min smallint,
    cpu_max smallint,
    memory_min smallint,
    memory_max smallint,
    disk_min smallint,
    disk_max smallint,
    temperature_min smallint,
    temperature_max smallint
) PARTITION BY RANGE (hour_at);

-- An hour is written as a whole, and only where there is none of it: no key is needed to keep its rows apart.
CREATE INDEX metric_hour_terminal_idx ON metric_hour (terminal_id, hour_at);

INSERT INTO history_table (name) VALUES ('metric_hour');

-- The first hour that is not rolled up so far.
CREATE TABLE metric_progress (
    one boolean CONSTRAINT metric_progress_pkey PRIMARY KEY CHECK (one),
    next_hour timestamptz NOT NULL
);

-- Heartbeats lie in the order in which they came: an hour of them is found without an index of each.
CREATE INDEX heartbeat_history_received_idx ON heartbeat_history USING brin (received_at)
    WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX metric_hour_hour_idx ON metric_hour USING brin (hour_at) WITH (pages_per_range = 32);
