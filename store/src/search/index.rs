//! What a page has in the index, and how it goes there and out again.

use std::collections::BTreeSet;

use pagestream_documents::Origin;
use rusqlite::{Connection, params};

use crate::error::Result;

use super::folding::{Token, columns, tokens};

/// Letters of a word to which near ones are looked for. In a shorter one every other word is near; a longer one is garbage.
const WORD_LENGTH: std::ops::RangeInclusive<usize> = 4..=32;

/// A page as the index takes it: made before the database is locked.
pub(crate) struct PageWords {
    text: String,
    other: String,
    words: BTreeSet<String>,
    origin: Option<Origin>,
}

impl PageWords {
    pub fn of(text: &str, origin: Option<Origin>) -> Self {
        let tokens = tokens(text);
        let words = tokens.iter().map(word).filter(|word| may_be_misread(word)).map(str::to_owned).collect();
        let (text, other) = columns(&tokens);
        Self { text, other, words, origin }
    }
}

fn word(token: &Token) -> &str {
    &token.word
}

/// Whether a word with a letter wrong is still seen to be that word. A number with a digit wrong is another number.
pub(crate) fn may_be_misread(word: &str) -> bool {
    WORD_LENGTH.contains(&word.chars().count()) && word.chars().any(char::is_alphabetic)
}

pub(crate) fn origin_name(origin: Origin) -> &'static str {
    match origin {
        Origin::Ocr => "ocr",
        Origin::TextLayer => "text-layer",
        Origin::Mixed => "mixed",
    }
}

/// Adds a page. One without words is nowhere.
pub(crate) fn insert(db: &Connection, seq: i64, document: i64, page: &PageWords) -> Result<()> {
    if page.text.is_empty() {
        return Ok(());
    }
    db.prepare_cached("INSERT INTO page_words (rowid, text, other) VALUES (?1, ?2, ?3)")?
        .execute(params![seq, page.text, page.other])?;
    db.prepare_cached("INSERT INTO searched (seq, document, origin) VALUES (?1, ?2, ?3)")?.execute(params![
        seq,
        document,
        page.origin.map(origin_name)
    ])?;
    page.words.iter().try_for_each(|word| insert_word(db, word))
}

/// Removes pages, which take the most of the index with them, and takes out the words that no page has any more.
pub(crate) fn forget(db: &Connection, pages: &[i64]) -> Result<()> {
    let mut select = db.prepare_cached("SELECT text, other FROM page_words WHERE rowid = ?1")?;
    let mut delete = db.prepare_cached("DELETE FROM pages WHERE seq = ?1")?;
    let mut words = BTreeSet::new();
    for page in pages {
        let mut rows = select.query([page])?;
        while let Some(row) = rows.next()? {
            for column in 0..2 {
                let folded = row.get_ref(column)?.as_str().unwrap_or_default();
                words.extend(folded.split(' ').filter(|word| may_be_misread(word)).map(str::to_owned));
            }
        }
        drop(rows);
        delete.execute([page])?;
    }
    let mut is_there = db.prepare_cached("SELECT 1 FROM page_words WHERE page_words MATCH ?1 LIMIT 1")?;
    let mut delete = db.prepare_cached("DELETE FROM words WHERE word = ?1")?;
    for word in &words {
        if !is_there.exists([format!("\"{word}\"")])? {
            delete.execute([word])?;
        }
    }
    Ok(())
}

/// Writes all words anew. Where SQLite has moved an entry to another page while it balanced a tree, the old page keeps a copy between
/// its entries, which `secure_delete` does not know of: only whole pages that are let go are sure to be overwritten.
pub(crate) fn rewrite_words(db: &Connection) -> Result<()> {
    let words: Vec<String> = db
        .prepare_cached("SELECT word FROM words ORDER BY word")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    db.execute("DELETE FROM words", [])?;
    words.iter().try_for_each(|word| insert_word(db, word))
}

fn insert_word(db: &Connection, word: &str) -> Result<()> {
    db.prepare_cached("INSERT OR IGNORE INTO words (word, backward) VALUES (?1, ?2)")?
        .execute(params![word, word.chars().rev().collect::<String>()])?;
    Ok(())
}
