-- With one writer, the order of rows is the order of commits; there is nothing to wait for.
SELECT 1;
