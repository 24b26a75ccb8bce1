-- Entries of the audit trail are signed when they are written, and linked into a chain a moment later.

ALTER TABLE audit_entry
    ADD COLUMN customer_id bigint,
    ADD COLUMN result text COLLATE "C" NOT NULL DEFAULT 'done',
    -- Missing where a release without signatures has written.
    ADD COLUMN signature bytea;

CREATE INDEX audit_entry_actor_idx ON audit_entry (actor, id);
CREATE INDEX audit_entry_action_idx ON audit_entry (action, id);
CREATE INDEX audit_entry_customer_idx ON audit_entry (customer_id, id) WHERE customer_id IS NOT NULL;

-- The chain: each link holds the hash of one entry and of all before it.
CREATE TABLE audit_seal (
    place bigint CONSTRAINT audit_seal_pkey PRIMARY KEY,
    entry_id bigint NOT NULL CONSTRAINT audit_seal_entry_key UNIQUE,
    verdict text NOT NULL,
    hash bytea NOT NULL,
    signature bytea NOT NULL
);

-- What stays of the beginning that retention has dropped: its end, signed.
CREATE TABLE audit_checkpoint (
    place bigint CONSTRAINT audit_checkpoint_pkey PRIMARY KEY,
    hash bytea NOT NULL,
    at timestamptz NOT NULL,
    signature bytea NOT NULL
);

-- The queue of the sealer. An entry gets into it within its own transaction, whoever writes it: one that commits late
-- shows up late, and is never skipped.
CREATE TABLE audit_pending (
    entry_id bigint CONSTRAINT audit_pending_pkey PRIMARY KEY
);

INSERT INTO audit_pending (entry_id) SELECT id FROM audit_entry;

CREATE FUNCTION tms_queue_audit() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO audit_pending (entry_id) VALUES (NEW.id);
    RETURN NULL;
END
$$;

CREATE TRIGGER audit_entry_queue AFTER INSERT ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION tms_queue_audit();

-- The release before drops by time, which would leave holes in the chain: for it, there is nothing to drop.
CREATE OR REPLACE FUNCTION tms_drop_audit(before timestamptz, most bigint) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT 0::bigint
$$;

-- Drops a part of the chain up to a checkpoint. The server's role may delete neither entries nor links: only this
-- function may, from the beginning, and nothing that is younger than 30 days.
CREATE FUNCTION tms_trim_audit(upto bigint, most bigint) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    WITH old AS (
        SELECT s.place, s.entry_id
        FROM audit_seal s
        LEFT JOIN audit_entry e ON e.id = s.entry_id
        WHERE s.place <= least(upto, (SELECT max(place) FROM audit_checkpoint))
            AND (e.at IS NULL OR e.at < now() - interval '30 days')
        ORDER BY s.place
        LIMIT most
    ), entries AS (
        DELETE FROM audit_entry WHERE id IN (SELECT entry_id FROM old) RETURNING 1
    ), links AS (
        DELETE FROM audit_seal WHERE place IN (SELECT place FROM old) RETURNING 1
    )
    SELECT count(*) FROM links
$$;

REVOKE ALL ON FUNCTION tms_trim_audit(bigint, bigint) FROM PUBLIC;
