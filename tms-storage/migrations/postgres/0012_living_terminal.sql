-- Lists show terminals that are not retired: their indexes hold only those, and the id with them, so that totals are
-- counted and pages found without reading the rows.

DROP INDEX terminal_status_idx, terminal_status_serial_idx, terminal_store_name_idx, terminal_customer_serial_idx,
    terminal_customer_status_idx, terminal_customer_store_name_idx, terminal_model_idx, terminal_firmware_idx,
    terminal_store_code_idx;

ALTER TABLE terminal
    DROP CONSTRAINT terminal_serial_number_key,
    ADD CONSTRAINT terminal_serial_number_key UNIQUE (serial_number) INCLUDE (id, lifecycle);

CREATE INDEX terminal_status_idx ON terminal (status, id) WHERE lifecycle <> 'retired';
CREATE INDEX terminal_status_serial_idx ON terminal (status, serial_number, id) WHERE lifecycle <> 'retired';
CREATE INDEX terminal_status_store_name_idx ON terminal (status, coalesce(store_name, ''), id)
    WHERE lifecycle <> 'retired';
CREATE INDEX terminal_store_name_idx ON terminal (coalesce(store_name, ''), id) WHERE lifecycle <> 'retired';
-- Of retired ones too: nobody may delete the customer of a terminal.
CREATE INDEX terminal_customer_serial_idx ON terminal (customer_id, serial_number, id, lifecycle);
CREATE INDEX terminal_customer_status_idx ON terminal (customer_id, status, id) WHERE lifecycle <> 'retired';
CREATE INDEX terminal_customer_store_name_idx ON terminal (customer_id, coalesce(store_name, ''), id)
    WHERE lifecycle <> 'retired';
CREATE INDEX terminal_model_idx ON terminal (model, serial_number, id) WHERE lifecycle <> 'retired';
CREATE INDEX terminal_firmware_idx ON terminal (firmware_version, serial_number, id) WHERE lifecycle <> 'retired';
CREATE INDEX terminal_store_code_idx ON terminal (store_code, serial_number, id) WHERE lifecycle <> 'retired';

CREATE INDEX terminal_retired_idx ON terminal (id) WHERE lifecycle = 'retired';
