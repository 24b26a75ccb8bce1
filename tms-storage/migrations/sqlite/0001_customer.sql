-- Times are microseconds since the epoch; dates are ISO text; comparison is bytewise everywhere.
CREATE TABLE customer (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    company_name TEXT NOT NULL UNIQUE,
    company_name_kana TEXT,
    contact_person TEXT,
    contact_email TEXT,
    contact_phone TEXT,
    postal_code TEXT,
    address TEXT,
    contract_type TEXT NOT NULL,
    contract_start_date TEXT,
    contract_end_date TEXT,
    is_active INTEGER NOT NULL,
    max_terminals INTEGER,
    notes TEXT,
    search_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
