CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    v INTEGER NOT NULL,
    record_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('intent', 'outcome')),
    ts INTEGER NOT NULL, -- milliseconds since 1970, UTC
    caller TEXT NOT NULL,
    user TEXT,
    surface TEXT NOT NULL,
    operation TEXT NOT NULL,
    model TEXT NOT NULL,
    decision TEXT NOT NULL,
    blocked INTEGER NOT NULL,
    blocked_reason TEXT,
    risk_score INTEGER NOT NULL, -- thousandths
    rules TEXT NOT NULL, -- JSON list
    redactions TEXT NOT NULL, -- JSON object
    prompt TEXT,
    answer TEXT,
    prompt_hmac TEXT,
    tokens_prompt INTEGER NOT NULL,
    tokens_cached INTEGER NOT NULL,
    tokens_candidates INTEGER NOT NULL,
    tokens_thoughts INTEGER NOT NULL,
    tokens_tool_use INTEGER NOT NULL,
    tokens_total INTEGER NOT NULL,
    cost_micros INTEGER NOT NULL, -- millionths of a dollar
    latency_ms INTEGER NOT NULL,
    upstream_status INTEGER,
    error TEXT,
    policy_version TEXT NOT NULL,
    key_version TEXT,
    pepper_id TEXT,
    writer_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    prev_hash TEXT NOT NULL,
    voids TEXT NOT NULL, -- JSON list
    hash TEXT NOT NULL,
    line TEXT NOT NULL, -- the record exactly as it was written
    UNIQUE (writer_id, seq, hash)
) STRICT;
CREATE INDEX audit_ts ON audit (ts);
CREATE INDEX audit_request ON audit (request_id, kind);

-- Lines of the spool that are no records. They are kept as they came.
CREATE TABLE rejected (
    file TEXT NOT NULL,
    offset INTEGER NOT NULL,
    reason TEXT NOT NULL,
    line BLOB NOT NULL,
    PRIMARY KEY (file, offset)
) STRICT;

-- How far each spool file has been read.
CREATE TABLE checkpoint (
    file TEXT PRIMARY KEY,
    offset INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE caller (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    secret_hash BLOB NOT NULL CHECK (length(secret_hash) = 32),
    created INTEGER NOT NULL, -- milliseconds since 1970, UTC
    revoked INTEGER -- likewise; NULL while the key is valid
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX caller_active_name ON caller (name) WHERE revoked IS NULL;
