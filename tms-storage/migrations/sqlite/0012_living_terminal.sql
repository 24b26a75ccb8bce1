-- On SQLite the indexes of lists leave retired terminals out from the start.

SELECT 1;
