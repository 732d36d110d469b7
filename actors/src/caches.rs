//! What was computed a moment ago and need not be again: pages by their pixels, lines by their crop, vectors by their text. Bounded in
//! bytes and time, and switched off one by one with a size of nothing.

use std::mem::size_of;

use pagestream_documents::{Digest, PageRecord};
use pagestream_models::ocr::{Inference, Symbol, Task};
use pagestream_store::{Cache, CacheOptions, CacheStats, MemorySize, PageCache, vectors::PassageVector};
use sha2::Digest as _;

use crate::fresh::Fresh;

/// What the recogniser said of a crop.
#[derive(Clone, Debug, PartialEq)]
pub struct RecognizedLine(pub Vec<Symbol>);

impl MemorySize for RecognizedLine {
    fn memory_size(&self) -> usize {
        self.0.len() * size_of::<Symbol>()
    }
}

/// The vectors of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding(pub Vec<PassageVector>);

impl Embedding {
    /// Of a query, which is one passage or nothing.
    pub fn of_query(vector: Option<Vec<f32>>) -> Self {
        Self(vector.into_iter().map(|vector| PassageVector { range: 0..0, vector }).collect())
    }
}

impl MemorySize for Embedding {
    fn memory_size(&self) -> usize {
        self.0.iter().map(|passage| size_of::<PassageVector>() + size_of_val(&*passage.vector)).sum()
    }
}

/// One of each for a pipeline. All its devices read with the same models, so that a crop's digest is key enough.
pub struct Caches {
    /// By the digests of the pixels and of how they are read.
    pub pages: PageCache,
    /// By the digest of the recogniser's input.
    pub lines: Cache<Digest, RecognizedLine>,
    /// By the digests of the model and of the text; the log knows the others.
    pub embeddings: Cache<(Digest, Digest), Embedding>,
    /// By document and page; the log has them.
    pub fresh: Fresh,
}

/// Hits, misses and sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CachesStats {
    pub pages: CacheStats,
    pub lines: CacheStats,
    pub embeddings: CacheStats,
}

impl Caches {
    pub fn new(pages: CacheOptions, lines: CacheOptions, embeddings: CacheOptions) -> Self {
        let (pages, lines, embeddings) = (PageCache::new(pages), Cache::new(lines), Cache::new(embeddings));
        Self { pages, lines, embeddings, fresh: Fresh::default() }
    }

    pub fn stats(&self) -> CachesStats {
        CachesStats { pages: self.pages.stats(), lines: self.lines.stats(), embeddings: self.embeddings.stats() }
    }
}

/// The key of a line in the cache; `None` for inferences that are not cached. SHA-256, because a collision would be a
/// wrong text: 0.2 ms for a line that PP-OCRv6 takes 20 ms to recognise. Lines of our own recogniser, which takes 0.4 ms, are not
/// worth looking up.
pub fn line_key(inference: &Inference) -> Option<Digest> {
    if inference.task != Task::Recognize {
        return None;
    }
    let mut hasher = sha2::Sha256::new();
    for &side in &inference.input.shape {
        hasher.update((side as u64).to_le_bytes());
    }
    // A kilobyte at a time: the tensor's bytes without a copy of the tensor.
    let mut bytes = [0; 1024];
    for values in inference.input.data.chunks(bytes.len() / size_of::<f32>()) {
        let used = size_of_val(values);
        for (out, value) in bytes.chunks_exact_mut(size_of::<f32>()).zip(values) {
            out.copy_from_slice(&value.to_le_bytes());
        }
        hasher.update(&bytes[..used]);
    }
    Some(Digest(hasher.finalize().into()))
}

/// A record of the same pixels, as the record of another page: everything but who it is and what it took.
pub fn same_pixels(known: &PageRecord, mut page: PageRecord) -> PageRecord {
    page.width = known.width;
    page.height = known.height;
    page.dpi = known.dpi;
    page.rotation = known.rotation;
    page.text.clone_from(&known.text);
    page.lines.clone_from(&known.lines);
    page.blocks.clone_from(&known.blocks);
    page.confidence = known.confidence;
    page.needs_review = known.needs_review;
    page.models.clone_from(&known.models);
    page.origin = known.origin;
    page
}

#[cfg(test)]
mod tests {
    use pagestream_models::Tensor;

    use super::*;

    fn line(width: usize, value: f32) -> Inference {
        let input = Tensor { shape: vec![1, 3, 48, width], data: vec![value; 3 * 48 * width] };
        Inference { task: Task::Recognize, input }
    }

    #[test]
    fn crops_are_told_apart_by_every_value_and_by_shape() {
        let key = line_key(&line(32, 0.5));
        assert_eq!(key, line_key(&line(32, 0.5)));
        assert_ne!(key, line_key(&line(64, 0.5)));
        let mut other = line(32, 0.5);
        *other.input.data.last_mut().unwrap() = 0.25;
        assert_ne!(key, line_key(&other));
        other.input.shape = vec![1, 3, 32, 48];
        other.input.data = line(32, 0.5).input.data;
        assert_ne!(key, line_key(&other));
        assert_eq!(line_key(&Inference { task: Task::Detect, ..line(32, 0.5) }), None);
    }
}
