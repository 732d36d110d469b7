//! What was computed lately and may be asked for again, in memory: page records by their pixels, recognised lines by
//! their crops. Bounded in bytes and in time; losing an entry costs only the work of making it again, so nothing here is
//! durable ([`crate::Reader::find_page_by_raster`] is the lasting answer to the same question for pages).

use std::{
    hash::Hash,
    mem::size_of,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use pagestream_documents::{ByteSize, Digest, PageRecord, TextLine, Word};

/// What the cache itself keeps for an entry (hash table, the two queues of its policy, counters), in bytes: an estimate on
/// the safe side, from the sizes of its structures.
const OVERHEAD: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// All entries together; 0 switches the cache off.
    pub max_size: ByteSize,
    /// An entry is forgotten so long after it was put in.
    pub time_to_live: Duration,
}

impl CacheOptions {
    pub const OFF: Self = Self { max_size: ByteSize(0), time_to_live: Duration::ZERO };
}

/// Bytes that a value takes in memory, what it points to included.
pub trait MemorySize {
    fn memory_size(&self) -> usize;
}

impl MemorySize for PageRecord {
    fn memory_size(&self) -> usize {
        size_of::<Self>() + self.text.len() + self.lines.iter().map(MemorySize::memory_size).sum::<usize>()
    }
}

impl MemorySize for TextLine {
    fn memory_size(&self) -> usize {
        let words: usize = self.words.iter().map(|word| size_of::<Word>() + word.text.len()).sum();
        size_of::<Self>() + self.text.len() + words
    }
}

/// A cache that many threads use at once; the least used goes first when room is needed (TinyLFU).
pub struct Cache<K, V> {
    entries: Option<moka::sync::Cache<K, Arc<V>>>,
    max_size: ByteSize,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// Page records by the digest of the pixels and the key of the options ([`crate::options_key`]).
pub type PageCache = Cache<(Digest, Digest), PageRecord>;

/// Recognised lines by the digest of the crop and that of the model.
pub type LineCache<V> = Cache<(Digest, Digest), V>;

/// For the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    pub hits: u64,
    /// Questions without an answer; those asked of a cache that is switched off are not counted.
    pub misses: u64,
    pub entries: u64,
    pub size: ByteSize,
}

impl<K, V> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: MemorySize + Send + Sync + 'static,
{
    pub fn new(options: CacheOptions) -> Self {
        let entries = (options.max_size.bytes() > 0).then(|| {
            moka::sync::Cache::builder()
                .max_capacity(options.max_size.bytes())
                .weigher(|_: &K, value: &Arc<V>| u32::try_from(Self::entry_size(value)).unwrap_or(u32::MAX))
                .time_to_live(options.time_to_live)
                .build()
        });
        Self { entries, max_size: options.max_size, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// Bytes that an entry counts for.
    fn entry_size(value: &V) -> u64 {
        (OVERHEAD + size_of::<K>() + value.memory_size()) as u64
    }

    pub fn get(&self, key: &K) -> Option<Arc<V>> {
        let entries = self.entries.as_ref()?;
        let found = entries.get(key);
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// What is larger than the whole cache is not kept; what was there under its key is forgotten, as it is no longer true.
    pub fn insert(&self, key: K, value: Arc<V>) {
        let Some(entries) = &self.entries else { return };
        // moka refuses such a value under a new key, but under one that it has it would make room by dropping everything.
        if Self::entry_size(&value) > self.max_size.bytes() {
            entries.invalidate(&key);
        } else {
            entries.insert(key, value);
        }
    }

    /// Sums up after doing what was put off (evictions, expiries), so the numbers are exact.
    pub fn stats(&self) -> CacheStats {
        let Some(entries) = &self.entries else { return CacheStats::default() };
        entries.run_pending_tasks();
        CacheStats {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            entries: entries.entry_count(),
            size: ByteSize(entries.weighted_size()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sized(usize);

    impl MemorySize for Sized {
        fn memory_size(&self) -> usize {
            self.0
        }
    }

    fn cache(max_size: u64, time_to_live: Duration) -> Cache<u32, Sized> {
        Cache::new(CacheOptions { max_size: ByteSize(max_size), time_to_live })
    }

    #[test]
    fn a_cache_stays_within_its_bytes() {
        let cache = cache(100_000, Duration::from_secs(3600));
        for n in 0..1_000 {
            cache.insert(n, Arc::new(Sized(1_000)));
        }
        cache.insert(5_000, Arc::new(Sized(200_000)));
        let stats = cache.stats();
        assert!(stats.size.bytes() <= 100_000 && stats.entries >= 50, "{stats:?}");
        assert!(cache.get(&5_000).is_none(), "larger than all the room there is");
    }

    #[test]
    fn a_value_larger_than_the_cache_drops_only_what_was_under_its_key() {
        let cache = cache(100_000, Duration::from_secs(3600));
        for n in 0..10 {
            cache.insert(n, Arc::new(Sized(1_000)));
        }
        assert_eq!(cache.stats().entries, 10);
        cache.insert(3, Arc::new(Sized(200_000)));
        assert!(cache.get(&3).is_none(), "neither the new value nor the old one");
        assert_eq!(cache.stats().entries, 9);
        assert!((0..10).filter(|n| *n != 3).all(|n| cache.get(&n).is_some()));
    }

    #[test]
    fn hits_and_misses_are_counted() {
        let cache = cache(100_000, Duration::from_secs(3600));
        assert!(cache.get(&1).is_none());
        cache.insert(1, Arc::new(Sized(7)));
        assert_eq!(cache.get(&1).unwrap().0, 7);
        assert!(cache.get(&1).is_some() && cache.get(&2).is_none());
        let stats = cache.stats();
        assert_eq!((stats.hits, stats.misses, stats.entries), (2, 2, 1));
        assert_eq!(stats.size.bytes() as usize, OVERHEAD + size_of::<u32>() + 7);
    }

    #[test]
    fn a_cache_that_is_switched_off_keeps_nothing() {
        let cache: Cache<u32, Sized> = Cache::new(CacheOptions::OFF);
        cache.insert(1, Arc::new(Sized(1)));
        assert!(cache.get(&1).is_none());
        assert_eq!(cache.stats(), CacheStats::default());
    }

    #[test]
    fn an_entry_is_forgotten_when_its_time_is_over() {
        let cache = cache(100_000, Duration::from_nanos(1));
        cache.insert(1, Arc::new(Sized(1)));
        assert!(cache.get(&1).is_none());
    }
}
