-- Entries of the audit trail are signed when they are written, and linked into a chain a moment later.

ALTER TABLE audit_entry ADD COLUMN customer_id INTEGER;
ALTER TABLE audit_entry ADD COLUMN result TEXT NOT NULL DEFAULT 'done';
-- Missing where a release without signatures has written.
ALTER TABLE audit_entry ADD COLUMN signature BLOB;

CREATE INDEX audit_entry_by_actor ON audit_entry (actor);
CREATE INDEX audit_entry_by_action ON audit_entry (action);
CREATE INDEX audit_entry_by_customer ON audit_entry (customer_id) WHERE customer_id IS NOT NULL;

-- The chain: each link holds the hash of one entry and of all before it.
CREATE TABLE audit_seal (
    place INTEGER PRIMARY KEY,
    entry_id INTEGER NOT NULL UNIQUE,
    verdict TEXT NOT NULL,
    hash BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;

-- What stays of the beginning that retention has dropped: its end, signed.
CREATE TABLE audit_checkpoint (
    place INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    at INTEGER NOT NULL,
    signature BLOB NOT NULL
) STRICT;

-- The queue of the sealer. An entry gets into it within its own transaction, whoever writes it.
CREATE TABLE audit_pending (
    entry_id INTEGER PRIMARY KEY
) STRICT;

INSERT INTO audit_pending (entry_id) SELECT id FROM audit_entry;

CREATE TRIGGER audit_entry_queue AFTER INSERT ON audit_entry
BEGIN
    INSERT INTO audit_pending (entry_id) VALUES (NEW.id);
END;
