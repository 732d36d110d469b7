//! The tags of documents, as a migration.

/// A document's tags go with it.
pub const TAGS: &str = "
CREATE TABLE tags (
    document INTEGER NOT NULL REFERENCES documents (key) ON DELETE CASCADE,
    tag      TEXT NOT NULL,
    PRIMARY KEY (document, tag)
) WITHOUT ROWID;
CREATE INDEX tags_by_tag ON tags (tag, document);
";
