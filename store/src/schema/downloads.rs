//! Where documents were downloaded from, as a migration.

/// A row goes with its document. The address has no user name and no password.
pub const DOWNLOADS: &str = "
CREATE TABLE downloads (
    document      INTEGER PRIMARY KEY REFERENCES documents (key) ON DELETE CASCADE,
    url           TEXT NOT NULL,
    etag          TEXT,
    last_modified TEXT
);
CREATE INDEX downloads_by_url ON downloads (url);
";
