-- Answers that are given again when a request is repeated with its key.

CREATE TABLE idempotency (
    caller text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    request bytea NOT NULL,
    created_id bigint,
    answer jsonb NOT NULL,
    until timestamptz NOT NULL,
    CONSTRAINT idempotency_pkey PRIMARY KEY (caller, key)
);

CREATE INDEX idempotency_until_idx ON idempotency (until);
