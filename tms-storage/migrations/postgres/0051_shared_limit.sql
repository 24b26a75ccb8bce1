-- When the bucket of each client is full again, in microseconds. Unlogged: losing it forgives everybody once.

CREATE UNLOGGED TABLE shared_limit (
    kind text COLLATE "C" NOT NULL,
    key bigint NOT NULL,
    full_at bigint NOT NULL,
    CONSTRAINT shared_limit_pkey PRIMARY KEY (kind, key)
) WITH (fillfactor = 70);
