-- The settings of the installation: one document.

CREATE TABLE settings (
    one boolean CONSTRAINT settings_pkey PRIMARY KEY CHECK (one),
    document jsonb NOT NULL,
    revision bigint NOT NULL
);
