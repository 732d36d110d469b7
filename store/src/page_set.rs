//! Which pages of a document are meant: one bit for each.

use pagestream_documents::PageNumber;

/// A set of page numbers. 10,000 pages take 1.3 KB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageSet {
    words: Vec<u64>,
}

impl PageSet {
    /// Whether the page was not there before.
    pub fn insert(&mut self, page: PageNumber) -> bool {
        let (word, bit) = place(page);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        new
    }

    pub fn contains(&self, page: PageNumber) -> bool {
        let (word, bit) = place(page);
        self.words.get(word).is_some_and(|found| found & bit != 0)
    }

    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Ascending.
    pub fn iter(&self) -> impl Iterator<Item = PageNumber> + '_ {
        (0u32..).zip(&self.words).flat_map(|(at, word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| PageNumber::from_index(at * 64 + bit))
        })
    }
}

fn place(page: PageNumber) -> (usize, u64) {
    (page.index() as usize / 64, 1 << (page.index() % 64))
}

impl FromIterator<PageNumber> for PageSet {
    fn from_iter<I: IntoIterator<Item = PageNumber>>(pages: I) -> Self {
        let mut set = Self::default();
        for page in pages {
            set.insert(page);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let pages = [1, 2, 64, 65, 1000].map(|n| PageNumber::new(n).unwrap());
        let mut set: PageSet = pages.into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), pages);
        assert_eq!(set.len(), 5);
        assert!(set.contains(pages[3]) && !set.contains(PageNumber::new(66).unwrap()));
        assert!(!set.contains(PageNumber::new(5000).unwrap()));
        assert!(!set.insert(pages[0]) && set.insert(PageNumber::new(3).unwrap()));
        assert!(PageSet::default().is_empty() && !set.is_empty());
    }
}
