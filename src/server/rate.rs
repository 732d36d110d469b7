//! How many requests one key or address may make: a bucket of tokens each, which fills as time passes.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Buckets that are kept; beyond it those go that are full again, which are as good as none.
const MOST: usize = 4096;

pub struct RateLimit {
    a_second: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl RateLimit {
    /// `None` for no limit.
    pub fn new(a_second: u32) -> Option<Self> {
        (a_second > 0).then(|| Self { a_second: f64::from(a_second), buckets: Mutex::default() })
    }

    /// Takes one token of `whose` at `now`; if there is none, how long until there is.
    pub fn take(&self, whose: &str, now: Instant) -> Result<(), Duration> {
        let most = 2.0 * self.a_second;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST && !buckets.contains_key(whose) {
            let seconds_to_fill = most / self.a_second;
            buckets.retain(|_, bucket| now.duration_since(bucket.filled).as_secs_f64() < seconds_to_fill);
        }
        let bucket = buckets.entry(whose.to_owned()).or_insert(Bucket { tokens: most, filled: now });
        let passed = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * self.a_second).min(most);
        bucket.filled = now;
        if bucket.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.tokens) / self.a_second));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_second_and_twice_as_many_at_once() {
        let limit = RateLimit::new(10).unwrap();
        let start = Instant::now();
        let taken = |whose: &str, now| (0..100).take_while(|_| limit.take(whose, now).is_ok()).count();
        assert_eq!(taken("a", start), 20);
        assert_eq!(taken("b", start), 20, "one is not held up by another");
        assert_eq!(limit.take("a", start).unwrap_err(), Duration::from_millis(100));
        assert_eq!(taken("a", start + Duration::from_secs(1)), 10);
        assert!(RateLimit::new(0).is_none());
    }

    #[test]
    fn buckets_that_are_full_again_are_forgotten() {
        let limit = RateLimit::new(10).unwrap();
        let start = Instant::now();
        for i in 0..MOST {
            limit.take(&i.to_string(), start).unwrap();
        }
        limit.take("one more", start + Duration::from_secs(5)).unwrap();
        assert_eq!(limit.buckets.lock().unwrap().len(), 1);
    }
}
