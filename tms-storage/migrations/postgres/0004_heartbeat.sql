-- History of heartbeats and of status, by day of receipt; our own outages and the last sign of life.

-- The tables that are partitioned by day, each by the column that says when a row came.
CREATE TABLE history_table (
    name text CONSTRAINT history_table_pkey PRIMARY KEY
);

-- Makes the missing partitions of every history table for the days from `first` to `last` (UTC).
--
-- Runs with the rights of its owner, so that the server itself needs none to create tables. Attaching a table locks
-- the parent less than creating a partition does.
CREATE FUNCTION tms_ensure_partitions(first date, last date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    parent text;
    part text;
    day date;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tms_partitions', 0));
    FOR parent IN SELECT name FROM history_table ORDER BY name LOOP
        FOR day IN SELECT first + n FROM generate_series(0, last - first) AS n LOOP
            part := parent || to_char(day, '"_"YYYYMMDD');
            IF to_regclass(quote_ident(part)) IS NULL THEN
                EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING INDEXES EXCLUDING IDENTITY)', part, parent);
                EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                    parent, part, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
            END IF;
        END LOOP;
    END LOOP;
END
$$;

-- Drops the partitions of one history table for the days before `keep_from` and returns how many.
CREATE FUNCTION tms_drop_partitions(parent text, keep_from date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '1s' AS $$
DECLARE
    part text;
    dropped bigint := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tms_partitions', 0));
    FOR part IN
        SELECT c.relname
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass(quote_ident(parent))
          AND parent IN (SELECT name FROM history_table)
          AND to_date(right(c.relname, 8), 'YYYYMMDD') < keep_from
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE %I', part);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;

-- Ends a statement that wrote fewer rows than were planned, because another writer was first.
CREATE FUNCTION tms_expect(written bigint, planned bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    IF written IS DISTINCT FROM planned THEN
        RAISE EXCEPTION 'wrote % rows of %', written, planned USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION tms_ensure_partitions(date, date), tms_drop_partitions(text, date) FROM PUBLIC;

CREATE TABLE heartbeat_history (
    terminal_id bigint NOT NULL,
    received_at timestamptz NOT NULL,
    agent_time timestamptz NOT NULL,
    seq bigint,
    transaction_count bigint,
    device_code integer,
    cpu_percent smallint,
    memory_percent smallint,
    disk_percent smallint,
    temperature_c smallint,
    device text NOT NULL
) PARTITION BY RANGE (received_at);

-- A day has few rows of one terminal, and equal keys share one entry: smaller than with the time behind the id.
CREATE INDEX heartbeat_history_terminal_idx ON heartbeat_history (terminal_id);

CREATE TABLE status_change (
    terminal_id bigint NOT NULL,
    customer_id bigint NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    status text NOT NULL,
    next_status text NOT NULL
) PARTITION BY RANGE (ended_at);

CREATE INDEX status_change_terminal_idx ON status_change (terminal_id, ended_at);

INSERT INTO history_table (name) VALUES ('heartbeat_history'), ('status_change');

CREATE TABLE outage (
    from_at timestamptz CONSTRAINT outage_pkey PRIMARY KEY,
    to_at timestamptz NOT NULL
);

CREATE INDEX outage_to_idx ON outage (to_at);

CREATE TABLE liveness (
    one boolean CONSTRAINT liveness_pkey PRIMARY KEY CHECK (one),
    last_alive timestamptz
);

INSERT INTO liveness (one, last_alive) VALUES (true, NULL);
