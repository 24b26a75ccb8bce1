-- What retention looks for is found by an index: it holds the only writer meanwhile.
CREATE INDEX log_dedup_by_receipt ON log_dedup (received_at);
CREATE INDEX outage_by_end ON outage (to_at);
