-- Limits are shared within the one process that serves the file; there is nothing to store.
SELECT 1;
