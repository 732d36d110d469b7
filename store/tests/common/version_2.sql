CREATE TABLE documents (
    key          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    source       TEXT NOT NULL,
    sha256       TEXT NOT NULL,
    size         INTEGER NOT NULL,
    options_key  TEXT NOT NULL,
    options      TEXT NOT NULL,
    selection    TEXT,
    priority     TEXT NOT NULL CHECK (priority IN ('interactive', 'bulk')),
    submitted_at INTEGER NOT NULL,
    pages        INTEGER,
    state        TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'failed', 'cancelled')),
    reason       TEXT,
    finished_at  INTEGER,
    committed    INTEGER NOT NULL DEFAULT 0,
    failed       INTEGER NOT NULL DEFAULT 0,
    record_bytes INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX documents_by_content ON documents (sha256, options_key);
CREATE INDEX documents_by_end ON documents (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX documents_open ON documents (key) WHERE state = 'open';

CREATE TABLE pages (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    document     INTEGER NOT NULL REFERENCES documents (key) ON DELETE CASCADE,
    page         INTEGER NOT NULL CHECK (page > 0),
    status       TEXT NOT NULL,
    raster       TEXT,
    committed_at INTEGER NOT NULL,
    record       TEXT NOT NULL,
    text         TEXT GENERATED ALWAYS AS (json_extract(record, '$.text')) VIRTUAL,
    UNIQUE (document, page)
);
CREATE INDEX pages_by_raster ON pages (raster) WHERE raster IS NOT NULL;
CREATE INDEX pages_by_document_seq ON pages (document, seq);

CREATE VIRTUAL TABLE page_search USING fts5 (
    text, content = 'pages', content_rowid = 'seq', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER pages_searchable AFTER INSERT ON pages BEGIN
    INSERT INTO page_search (rowid, text) VALUES (new.seq, new.text);
END;
CREATE TRIGGER pages_forgotten AFTER DELETE ON pages BEGIN
    INSERT INTO page_search (page_search, rowid, text) VALUES ('delete', old.seq, old.text);
END;

-- Images of quarantined pages, kept in the spool for inspection for as long as their document.
CREATE TABLE kept (
    document INTEGER NOT NULL REFERENCES documents (key) ON DELETE CASCADE,
    page     INTEGER NOT NULL,
    digest   TEXT NOT NULL,
    PRIMARY KEY (document, page, digest)
) WITHOUT ROWID;
CREATE INDEX kept_by_digest ON kept (digest);

CREATE TABLE work (
    ticket   INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL UNIQUE REFERENCES documents (key) ON DELETE CASCADE,
    priority TEXT NOT NULL CHECK (priority IN ('interactive', 'bulk')),
    attempts INTEGER NOT NULL DEFAULT 0,
    progress INTEGER NOT NULL DEFAULT 0,
    lease    INTEGER,
    reason   TEXT
);
CREATE INDEX work_waiting ON work (priority, ticket) WHERE lease IS NULL;

-- What other processes ask of the writer.
CREATE TABLE requests (
    document     INTEGER PRIMARY KEY REFERENCES documents (key) ON DELETE CASCADE,
    kind         TEXT NOT NULL CHECK (kind IN ('cancel', 'remove')),
    requested_at INTEGER NOT NULL
);
CREATE TABLE signatures (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    document           TEXT NOT NULL,
    page               INTEGER NOT NULL,
    text_hash          TEXT NOT NULL,
    vector             BLOB,
    canonical_document TEXT,
    canonical_page     INTEGER,
    similarity         REAL,
    UNIQUE (document, page)
);
CREATE INDEX signatures_by_text ON signatures (text_hash);
CREATE INDEX signatures_by_canonical ON signatures (canonical_document) WHERE canonical_document IS NOT NULL;
CREATE INDEX signatures_canonical ON signatures (id) WHERE canonical_document IS NULL;
CREATE TRIGGER signatures_forgotten AFTER DELETE ON documents BEGIN
    DELETE FROM signatures WHERE document = old.id;
END;
PRAGMA user_version = 2;
PRAGMA application_id = 1346851668;
