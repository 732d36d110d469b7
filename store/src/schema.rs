//! The tables, and how an older file is brought to them. `PRAGMA user_version` counts the migrations that a file has
//! seen; a migration, once released, is never edited.
//!
//! Identities are stored as text (UUID, hexadecimal digests) and times as milliseconds since 1970, so that any SQLite
//! tool shows something a person can read.

use std::path::Path;

use rusqlite::Connection;

use crate::error::{Error, Result};

mod downloads;
mod search;
mod tags;
mod vectors;

/// Marks the file as ours for `file(1)` and for [`check`]: "PGST".
const APPLICATION_ID: i64 = 0x5047_5354;

/// Migration `n` takes a file from version `n` to `n + 1`.
const MIGRATIONS: [&str; 7] = [
    DOCUMENTS_AND_PAGES,
    SIMILARITY,
    search::SEARCH,
    vectors::VECTORS,
    tags::TAGS,
    downloads::DOWNLOADS,
    TEXT_IS_ASKED_FOR,
];

/// The version that this crate reads and writes.
pub const VERSION: u32 = MIGRATIONS.len() as u32;

// Keys are AUTOINCREMENT where something outside may remember one: `pages.seq` is a reader's cursor, and a cursor must
// never come to mean another page because rows were deleted.
//
// `pages.text` is computed from the record, so that the text is stored once; the full-text table holds an index only. It is gone since
// [`TEXT_IS_ASKED_FOR`].
const DOCUMENTS_AND_PAGES: &str = "
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
";

// The canonical page is named by document and page, not by row: a page that is read again after a crash has a new row
// and is still the same page. No foreign key on `canonical_document`: the duplicate outlives what it repeats.
const SIMILARITY: &str = "
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
";

/// SQLite computes a generated column with every row that it takes, also one that is stored nowhere: it parsed each record to forget its text.
const TEXT_IS_ASKED_FOR: &str = "
ALTER TABLE pages DROP COLUMN text;
";

/// Brings a database that this connection may write to [`VERSION`], each migration in a transaction of its own.
pub fn migrate(connection: &mut Connection, dir: &Path) -> Result<()> {
    migrate_to(connection, dir, VERSION)
}

fn migrate_to(connection: &mut Connection, dir: &Path, target: u32) -> Result<()> {
    let found = version(connection)?;
    if found > VERSION {
        return Err(Error::NewerSchema { dir: dir.to_owned(), found, known: VERSION });
    }
    for step in found..target {
        let transaction = connection.transaction()?;
        transaction.execute_batch(MIGRATIONS[step as usize])?;
        transaction.pragma_update(None, "user_version", step + 1)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.commit()?;
        tracing::info!(from = step, to = step + 1, "database migrated");
    }
    Ok(())
}

/// What a reader, which may not migrate, requires.
pub fn check(connection: &Connection, dir: &Path) -> Result<()> {
    let found = version(connection)?;
    match found {
        0 => Err(Error::NoStore { dir: dir.to_owned() }),
        VERSION => Ok(()),
        _ if found > VERSION => Err(Error::NewerSchema { dir: dir.to_owned(), found, known: VERSION }),
        _ => Err(Error::OlderSchema { dir: dir.to_owned(), found, known: VERSION }),
    }
}

fn version(connection: &Connection) -> Result<u32> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_every_older_version_is_migrated_with_its_rows() {
        for start in 1..VERSION {
            let mut connection = Connection::open_in_memory().unwrap();
            migrate_to(&mut connection, Path::new("d"), start).unwrap();
            connection
                .execute_batch(
                    "INSERT INTO documents (id, source, sha256, size, options_key, options, priority, submitted_at)
                     VALUES ('i', 's', 'h', 1, 'k', '{}', 'bulk', 0);
                     INSERT INTO pages (document, page, status, committed_at, record)
                     VALUES (1, 1, 'ok', 0, '{\"text\":\"kept words\"}');",
                )
                .unwrap();
            assert!(matches!(check(&connection, Path::new("d")), Err(Error::OlderSchema { .. })));
            migrate(&mut connection, Path::new("d")).unwrap();
            check(&connection, Path::new("d")).unwrap();
            let text = "SELECT json_extract(record, '$.text') FROM pages WHERE page = 1";
            let text: String = connection.query_row(text, [], |row| row.get(0)).unwrap();
            assert_eq!(text, "kept words");
            let signatures: u32 =
                connection.query_row("SELECT count(*) FROM signatures", [], |row| row.get(0)).unwrap();
            assert_eq!(signatures, 0);
            let vectors: u32 = connection.query_row("SELECT count(*) FROM vectors", [], |row| row.get(0)).unwrap();
            assert_eq!(vectors, 0);
            let downloads: u32 = connection.query_row("SELECT count(*) FROM downloads", [], |row| row.get(0)).unwrap();
            assert_eq!(downloads, 0);
        }
    }

    #[test]
    fn a_database_of_a_newer_version_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
        assert!(matches!(migrate(&mut connection, Path::new("d")), Err(Error::NewerSchema { .. })));
        assert!(matches!(check(&connection, Path::new("d")), Err(Error::NewerSchema { .. })));
    }
}
