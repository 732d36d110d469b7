//! Large buffers that are used again: pixels and tensors of one page for the next.
//!
//! A page's tensors are megabytes. Asked of the system for every page they are mapped, zeroed and faulted in anew, which was
//! 3% of a page's CPU time; kept without bound they would be memory that no budget knows of. So a few are kept, process-wide,
//! [`MOST_KEPT`] bytes of each type at most.

use std::sync::{Mutex, PoisonError};

/// Bytes of each type that lie unused at most: the detector's input of two pages.
pub const MOST_KEPT: usize = 24 << 20;

/// Smaller buffers are the allocator's own business, which keeps them itself.
const LEAST: usize = 64 << 10;

/// A type whose buffers are kept.
pub trait Pooled: Copy + Default + Send + 'static {
    #[doc(hidden)]
    fn pool() -> &'static Pool<Self>;
}

#[doc(hidden)]
pub struct Pool<T> {
    /// Unused buffers and what they take, largest capacity last.
    unused: Mutex<(Vec<Vec<T>>, usize)>,
}

impl<T> Pool<T> {
    const fn new() -> Self {
        Self { unused: Mutex::new((Vec::new(), 0)) }
    }
}

impl Pooled for u8 {
    fn pool() -> &'static Pool<Self> {
        static POOL: Pool<u8> = Pool::new();
        &POOL
    }
}

impl Pooled for f32 {
    fn pool() -> &'static Pool<Self> {
        static POOL: Pool<f32> = Pool::new();
        &POOL
    }
}

/// A buffer of `len` values. What they are is not defined: whatever was there before, or zero.
pub fn take<T: Pooled>(len: usize) -> Vec<T> {
    let mut buffer = unused::<T>(len).unwrap_or_default();
    // Grows only where a buffer was shorter than its capacity; what is there is not written again.
    buffer.truncate(len);
    buffer.resize(len, T::default());
    buffer
}

/// The smallest that is large enough and not twice as large as it need be.
fn unused<T: Pooled>(len: usize) -> Option<Vec<T>> {
    if len * size_of::<T>() < LEAST {
        return None;
    }
    let mut pool = T::pool().unused.lock().unwrap_or_else(PoisonError::into_inner);
    let (buffers, bytes) = &mut *pool;
    let at = buffers.partition_point(|buffer| buffer.capacity() < len);
    let fits = buffers.get(at).is_some_and(|buffer| buffer.capacity() <= len * 2);
    fits.then(|| {
        let buffer = buffers.remove(at);
        *bytes -= buffer.capacity() * size_of::<T>();
        buffer
    })
}

/// Gives a buffer back for the next that asks. Where enough lie unused already it is freed.
pub fn give_back<T: Pooled>(buffer: Vec<T>) {
    let size = buffer.capacity() * size_of::<T>();
    if size < LEAST {
        return;
    }
    let mut pool = T::pool().unused.lock().unwrap_or_else(PoisonError::into_inner);
    let (buffers, bytes) = &mut *pool;
    if *bytes + size <= MOST_KEPT {
        let at = buffers.partition_point(|kept| kept.capacity() < buffer.capacity());
        buffers.insert(at, buffer);
        *bytes += size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_was_given_back_is_taken_again_and_no_more_than_so_many_are_kept() {
        // Both tests in one: the pool belongs to the process.
        let first = take::<f32>(100_000);
        assert!(first.len() == 100_000 && first.iter().all(|&v| v == 0.0));
        let place = first.as_ptr();
        give_back(first);
        let small = take::<f32>(30_000);
        assert_ne!(small.as_ptr(), place, "three times as large as needed");
        let again = take::<f32>(90_000);
        assert_eq!((again.as_ptr(), again.len()), (place, 90_000));
        let other = take::<f32>(90_000);
        assert_ne!(other.as_ptr(), place, "nobody else has it");
        give_back(again);
        let longer = take::<f32>(100_000);
        assert_eq!((longer.as_ptr(), longer.len()), (place, 100_000), "up to what it could always hold");
        // Ten of 10 MiB are given back; two are kept.
        let many: Vec<Vec<u8>> = (0..10).map(|_| take(10 << 20)).collect();
        many.into_iter().for_each(give_back);
        assert_eq!(u8::pool().unused.lock().unwrap().0.len(), 2);
        give_back(vec![0_u8; 100]);
        assert_eq!(u8::pool().unused.lock().unwrap().0.len(), 2, "small ones are not kept");
    }
}
