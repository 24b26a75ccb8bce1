-- The cold half: what people change. `status` and `firmware_version` repeat the presence row, so that lists can use an index.
CREATE TABLE terminal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    serial_number TEXT NOT NULL UNIQUE,
    customer_id INTEGER NOT NULL REFERENCES customer (id),
    model TEXT NOT NULL,
    store_name TEXT,
    store_code TEXT,
    installation_address TEXT,
    heartbeat_interval_s INTEGER NOT NULL,
    auto_update_enabled INTEGER NOT NULL,
    installed_date TEXT,
    warranty_end_date TEXT,
    lifecycle TEXT NOT NULL,
    mac_address TEXT,
    hostname TEXT,
    os TEXT,
    status TEXT NOT NULL,
    firmware_version TEXT,
    search_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;

-- Lists leave retired terminals out and are sorted by serial number unless asked otherwise.
CREATE INDEX terminal_by_serial ON terminal (serial_number) WHERE lifecycle <> 'retired';
CREATE INDEX terminal_by_customer ON terminal (customer_id, serial_number);
CREATE INDEX terminal_by_status ON terminal (status, id) WHERE lifecycle <> 'retired';
CREATE INDEX terminal_by_status_serial ON terminal (status, serial_number) WHERE lifecycle <> 'retired';
CREATE INDEX terminal_by_store_name ON terminal (coalesce(store_name, ''), id) WHERE lifecycle <> 'retired';
CREATE INDEX terminal_by_store_code ON terminal (store_code) WHERE store_code IS NOT NULL;
CREATE INDEX terminal_by_firmware ON terminal (firmware_version, serial_number) WHERE lifecycle <> 'retired';

CREATE VIRTUAL TABLE terminal_search USING fts5 (
    search_key, content = 'terminal', content_rowid = 'id', tokenize = 'trigram case_sensitive 1'
);
CREATE TRIGGER terminal_search_insert AFTER INSERT ON terminal BEGIN
    INSERT INTO terminal_search (rowid, search_key) VALUES (new.id, new.search_key);
END;
CREATE TRIGGER terminal_search_update AFTER UPDATE OF search_key ON terminal
WHEN old.search_key <> new.search_key BEGIN
    INSERT INTO terminal_search (terminal_search, rowid, search_key) VALUES ('delete', old.id, old.search_key);
    INSERT INTO terminal_search (rowid, search_key) VALUES (new.id, new.search_key);
END;

-- What heartbeats and acts change seldom.
CREATE TABLE terminal_presence (
    terminal_id INTEGER PRIMARY KEY REFERENCES terminal (id),
    customer_id INTEGER NOT NULL,
    interval_s INTEGER NOT NULL,
    is_active INTEGER NOT NULL,
    in_maintenance INTEGER NOT NULL,
    config_version INTEGER NOT NULL,
    first_seen INTEGER,
    is_lost INTEGER NOT NULL,
    device TEXT NOT NULL,
    device_code INTEGER NOT NULL,
    boot TEXT,
    past_boots TEXT NOT NULL,
    firmware_version TEXT,
    agent_version TEXT,
    ip_address TEXT,
    reported_config INTEGER,
    status TEXT NOT NULL,
    status_since INTEGER NOT NULL,
    breaches TEXT NOT NULL,
    breach_bits INTEGER NOT NULL,
    raised INTEGER NOT NULL,
    alerted INTEGER NOT NULL
) STRICT;

CREATE INDEX terminal_presence_connected ON terminal_presence (terminal_id)
    WHERE is_active = 1 AND is_lost = 0 AND first_seen IS NOT NULL;
CREATE INDEX terminal_presence_unsettled ON terminal_presence (terminal_id) WHERE raised <> alerted;
CREATE INDEX terminal_presence_breaching ON terminal_presence (terminal_id) WHERE (breach_bits & ~raised) <> 0;
CREATE INDEX terminal_presence_maintained ON terminal_presence (terminal_id) WHERE in_maintenance = 1;

-- What each heartbeat changes: numbers only, no index and no foreign key, so that REPLACE overwrites in place.
-- `last_heartbeat_id` begins the chain of the terminal's history.
CREATE TABLE terminal_pulse (
    terminal_id INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    last_seen INTEGER,
    next_s INTEGER NOT NULL,
    deadline INTEGER,
    seq INTEGER,
    agent_time INTEGER,
    cpu_percent INTEGER,
    memory_percent INTEGER,
    disk_percent INTEGER,
    temperature_c INTEGER,
    uptime_s INTEGER,
    last_transaction INTEGER,
    transaction_count INTEGER,
    last_heartbeat_id INTEGER
) STRICT;

-- Terminals that are not retired.
CREATE TABLE terminal_count (
    customer_id INTEGER NOT NULL REFERENCES customer (id) ON DELETE CASCADE,
    status TEXT NOT NULL,
    terminals INTEGER NOT NULL,
    PRIMARY KEY (customer_id, status)
) STRICT, WITHOUT ROWID;
