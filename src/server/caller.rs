//! Who asks, and what he may see.

use pagestream_store::{Document, Tag};

use super::keys::{Key, Scopes};

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// What his documents are filed under; `None` where no keys are asked for.
    pub owner: Option<Tag>,
    pub scopes: Scopes,
}

impl Caller {
    pub fn of(key: &Key) -> Self {
        Self { owner: key.owner(), scopes: key.scopes }
    }

    pub fn owner(&self) -> Option<&Tag> {
        self.owner.as_ref()
    }

    pub fn sees_all(&self) -> bool {
        self.scopes.all
    }

    pub fn may_see(&self, document: &Document) -> bool {
        self.scopes.all || self.owner.as_ref().is_some_and(|owner| document.tags.contains(owner))
    }

    /// What listings and searches are narrowed to.
    pub fn narrowed_to(&self) -> Option<Tag> {
        self.owner.clone().filter(|_| !self.scopes.all)
    }
}
