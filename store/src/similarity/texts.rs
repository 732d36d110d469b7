//! The texts that pages are compared with: those of the page log, and those that are on their way there.

use std::collections::VecDeque;

use rusqlite::Connection;

use super::{PageKey, signature::normalise, table};
use crate::error::Result;

/// Texts that are kept until the log has them. A page is committed a moment after it was compared, so that this is more than
/// the pages under way have; one that is pushed out before confirms nothing.
const MAX_PAGES: usize = 1024;

/// Bytes of them, for pages that are none: 8 MiB are 1,600 full pages.
const MAX_BYTES: usize = 8 << 20;

/// Normalised texts of pages that were compared last.
#[derive(Default)]
pub struct RecentTexts {
    texts: VecDeque<(PageKey, String)>,
    bytes: usize,
}

impl RecentTexts {
    pub fn put(&mut self, key: PageKey, text: String) {
        self.bytes += text.len();
        self.texts.push_back((key, text));
        while self.texts.len() > MAX_PAGES || self.bytes > MAX_BYTES && self.texts.len() > 1 {
            let Some((_, text)) = self.texts.pop_front() else { break };
            self.bytes -= text.len();
        }
    }

    /// The normalised text of a page; `None` where none is at hand, or the page was delivered without it.
    pub fn get(&self, db: &Connection, key: PageKey) -> Result<Option<String>> {
        match table::text(db, key)? {
            Some(text) => Ok(Some(text).filter(|text| !text.is_empty()).map(|text| normalise(&text))),
            None => Ok(self.texts.iter().rev().find(|(of, _)| *of == key).map(|(_, text)| text.clone())),
        }
    }
}
