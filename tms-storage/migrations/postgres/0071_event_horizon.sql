-- Readers of events wait for no transaction that says of itself that it writes none, however long it runs.

-- The oldest transaction that may still write events: readers stay below it. A transaction of another database of the
-- same cluster counts transactions too, but writes nothing here, however long it runs. One that has ended before its
-- database could be told is looked for again, and waited for in the end. One that takes the lock `tms_no_events` before it
-- writes anything, and keeps it to its end, promises to write no events.
CREATE OR REPLACE FUNCTION tms_event_horizon() RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    seen pg_snapshot;
    running bigint[];
    others bigint[];
    ours bigint[];
BEGIN
    FOR try IN 1..5 LOOP
        seen := pg_current_snapshot();
        running := ARRAY(SELECT x::text::bigint FROM pg_snapshot_xip(seen) AS x);
        IF cardinality(running) = 0 THEN
            RETURN pg_snapshot_xmax(seen)::text::bigint;
        END IF;
        -- The locks are read once: of one moment, so that both are of one transaction.
        WITH held AS MATERIALIZED (
            SELECT * FROM pg_locks WHERE granted AND locktype IN ('transactionid', 'advisory')
        ), without_events AS (
            SELECT l.virtualtransaction FROM held l JOIN pg_database d ON d.oid = l.database
            WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND d.datname = current_database()
              AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended('tms_no_events', 0)
        ), found AS (
            SELECT x, a.datid = d.oid
                AND l.virtualtransaction NOT IN (SELECT virtualtransaction FROM without_events) AS may_write
            FROM unnest(running) AS x
            JOIN held l ON l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock'
                AND l.transactionid::text::bigint = x % 4294967296
            JOIN pg_stat_activity a ON a.pid = l.pid
            JOIN pg_database d ON d.datname = current_database()
        )
        SELECT array_agg(x) FILTER (WHERE NOT may_write), array_agg(x) FILTER (WHERE may_write)
        INTO others, ours
        FROM found;
        running := ARRAY(SELECT x FROM unnest(running) AS x WHERE x <> ALL (coalesce(others, '{}')));
        EXIT WHEN running <@ coalesce(ours, '{}');
    END LOOP;
    RETURN coalesce((SELECT min(x) FROM unnest(running) AS x), pg_snapshot_xmax(seen)::text::bigint);
END
$$;
