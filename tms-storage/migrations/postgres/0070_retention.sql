-- Dropping old partitions never holds up who writes: whoever waits for a parent makes everybody behind wait too, so that
-- one call drops one partition, waits a moment at most, and is repeated later where that was not enough.

-- Drops the oldest partition of one history table for the days before `keep_from` and returns how many that were.
CREATE OR REPLACE FUNCTION tms_drop_partitions(parent text, keep_from date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '100ms' AS $$
DECLARE
    part text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tms_partitions', 0));
    SELECT c.relname INTO part
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass(quote_ident(parent))
      AND parent IN (SELECT name FROM history_table)
      AND to_date(right(c.relname, 8), 'YYYYMMDD') < keep_from
    ORDER BY c.relname LIMIT 1;
    IF part IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format('DROP TABLE %I', part);
    RETURN 1;
END
$$;
