-- What seals the audit records: their manifests, and each hour's digest. An object of records is the rows that its
-- manifest names.
CREATE TABLE trail (
    key TEXT PRIMARY KEY,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The last row of `audit` that a manifest names.
CREATE TABLE packed (
    id INTEGER NOT NULL
) STRICT;
INSERT INTO packed (id) VALUES (0);
