//! The vectors of what pages mean, as a migration. Pages of an older version have none: whoever embeds finds them among those that
//! are missing.

/// `embeddings` has each page that a model has been asked about, also those with nothing to embed, by the digest of the text; `vectors` what
/// came of it, passage by passage. An id is never used twice, so that what is kept in memory can never come to mean another page;
/// `vectors_removed` tells other processes which are gone. It keeps the latest 100,000: who has missed more reads all anew.
pub const VECTORS: &str = "
CREATE TABLE embedding_models (
    key        INTEGER PRIMARY KEY AUTOINCREMENT,
    digest     TEXT NOT NULL UNIQUE,
    dimensions INTEGER NOT NULL
);

CREATE TABLE embeddings (
    model     INTEGER NOT NULL,
    page      INTEGER NOT NULL REFERENCES pages (seq) ON DELETE CASCADE,
    text_hash TEXT NOT NULL,
    PRIMARY KEY (model, page)
) WITHOUT ROWID;
CREATE INDEX embeddings_by_page ON embeddings (page);
CREATE INDEX embeddings_by_text ON embeddings (text_hash, model);

CREATE TABLE vectors (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    page    INTEGER NOT NULL REFERENCES pages (seq) ON DELETE CASCADE,
    model   INTEGER NOT NULL,
    passage INTEGER NOT NULL,
    start   INTEGER NOT NULL,
    end     INTEGER NOT NULL,
    vector  BLOB NOT NULL,
    UNIQUE (page, model, passage)
);

CREATE TABLE vectors_removed (
    change INTEGER PRIMARY KEY AUTOINCREMENT,
    vector INTEGER NOT NULL
);
CREATE TRIGGER vectors_forgotten AFTER DELETE ON vectors BEGIN
    INSERT INTO vectors_removed (vector) VALUES (old.id);
    DELETE FROM vectors_removed WHERE change <= (SELECT max(change) FROM vectors_removed) - 100000;
END;
";
