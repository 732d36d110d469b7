//! What a user calls documents by, beside their names: words that searches and listings are narrowed by.

use std::{fmt, str::FromStr};

use pagestream_documents::DocumentId;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Characters of a tag. It is a word, not a note.
const LONGEST: usize = 64;

/// What a tag may have beside letters and digits: nothing that a shell, a pattern or a list takes for something else.
const SIGNS: [char; 6] = ['-', '_', '.', ':', '/', '+'];

/// A word that a document is filed under, such as `invoices` or `client:acme/2026`: 1 to 64 letters and digits of any script and
/// `-_.:/+`, the first a letter or a digit. Case counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for Tag {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_whole = text.chars().all(|c| c.is_alphanumeric() || SIGNS.contains(&c));
        if is_whole && text.starts_with(char::is_alphanumeric) && text.chars().count() <= LONGEST {
            return Ok(Self(text));
        }
        let shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
        let signs: String = SIGNS.iter().collect();
        Err(format!(
            "`{shown}` is no tag: it has 1 to {LONGEST} letters, digits and {signs}, and begins with a letter or digit"
        ))
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Files a document under more tags; those that it has stay.
pub(crate) fn add(db: &Connection, document: DocumentId, tags: &[Tag]) -> Result<()> {
    let key: Option<i64> = db
        .prepare_cached("SELECT max(key) FROM documents WHERE id = ?1")?
        .query_row([document.to_string()], |row| row.get(0))?;
    let key = key.ok_or(Error::NoSuchDocument(document))?;
    let mut insert = db.prepare_cached("INSERT OR IGNORE INTO tags (document, tag) VALUES (?1, ?2)")?;
    for tag in tags {
        insert.execute(params![key, tag.as_str()])?;
    }
    Ok(())
}

/// A column of `documents` with its tags in alphabetical order, between spaces, which no tag has.
pub(crate) const COLUMN: &str =
    "(SELECT group_concat(tag, ' ' ORDER BY tag) FROM tags WHERE tags.document = documents.key) AS tags";

pub(crate) fn of_column(text: Option<String>) -> Vec<Tag> {
    text.iter().flat_map(|text| text.split(' ')).map(|tag| Tag(tag.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_word_that_nothing_takes_for_something_else() {
        for tag in ["a", "Invoices-2026", "client:acme/inbox", "Łódź", "東京", "c++", &"x".repeat(64)] {
            assert_eq!(tag.parse::<Tag>().unwrap().to_string(), tag);
        }
        for wrong in ["", " ", "a b", "a,b", "-a", "*", "a\n", "a'b", &"x".repeat(65)] {
            let message = wrong.parse::<Tag>().unwrap_err();
            assert!(message.contains("is no tag: it has 1 to 64 letters"), "{message}");
            assert!(!message.contains('\n'));
            assert!(serde_json::from_value::<Tag>(wrong.into()).is_err());
        }
    }
}
