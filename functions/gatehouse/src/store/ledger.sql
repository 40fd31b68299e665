-- What each subject has spent and reserved in each budget window.
CREATE TABLE ledger (
    subject TEXT NOT NULL,
    window INTEGER NOT NULL, -- when it began: milliseconds since 1970, UTC
    ends INTEGER NOT NULL, -- likewise
    tat INTEGER NOT NULL, -- of requests, microseconds since 1970
    tokens_tat INTEGER NOT NULL, -- of tokens, likewise
    committed INTEGER NOT NULL, -- booked plus reserved, millionths of a dollar
    open TEXT NOT NULL, -- JSON object: request, what is reserved for it, and until when
    PRIMARY KEY (subject, window)
) STRICT, WITHOUT ROWID;
