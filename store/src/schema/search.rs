//! The index of words, as a migration. Pages of an older version are not in it yet: see [`crate::search::backlog`].

/// The text is folded before it comes here, and its tokens stand between spaces, so that the tokenizer has nothing left to decide
/// (`ascii` takes every byte beyond ASCII for a letter). FTS5 keeps the folded text: it must know what to take out of the
/// index when a page is removed, and `secure-delete` takes it out at once instead of noting that it is gone.
///
/// `page_words.text` is what a phrase is found in; `other` has the words' other forms, each for itself. `searched` says
/// which pages are in the index, and what a search is narrowed by. `words` has each longer word once, forwards and backwards: the
/// words near to a misread one begin or end as it does.
pub const SEARCH: &str = "
DROP TRIGGER pages_searchable;
DROP TRIGGER pages_forgotten;
DROP TABLE page_search;

CREATE VIRTUAL TABLE page_words USING fts5 (text, other, tokenize = 'ascii');
INSERT INTO page_words (page_words, rank) VALUES ('secure-delete', 1);

CREATE TABLE searched (
    seq      INTEGER PRIMARY KEY,
    document INTEGER NOT NULL,
    origin   TEXT
);

CREATE TABLE words (
    word     TEXT PRIMARY KEY,
    backward TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX words_backward ON words (backward);

-- Of the pages up to `last`, which were there before the index, those up to `done` are in it.
CREATE TABLE search_backlog (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    done INTEGER NOT NULL,
    last INTEGER NOT NULL
);
INSERT INTO search_backlog SELECT 1, 0, coalesce(max(seq), 0) FROM pages;

CREATE TRIGGER pages_forgotten AFTER DELETE ON pages BEGIN
    DELETE FROM page_words WHERE rowid = old.seq;
    DELETE FROM searched WHERE seq = old.seq;
END;
";
