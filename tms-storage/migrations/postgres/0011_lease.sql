-- Leadership: the token grows with each change of leader.

CREATE TABLE lease (
    name text CONSTRAINT lease_pkey PRIMARY KEY,
    holder text NOT NULL,
    token bigint NOT NULL,
    expires_at timestamptz NOT NULL
);
