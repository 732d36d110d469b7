//! What is asked about together.

use std::collections::VecDeque;

/// The next of those that wait, whose tensors are asked for together: as many as come to so many bytes, and one at least.
pub(super) fn group<T>(waiting: &mut VecDeque<T>, most: usize, tensor_bytes: impl Fn(&T) -> usize) -> Vec<T> {
    let mut bytes = 0;
    let mut group = Vec::new();
    while let Some(next) = waiting.front() {
        bytes += tensor_bytes(next);
        if bytes > most && !group.is_empty() {
            break;
        }
        group.extend(waiting.pop_front());
    }
    group
}
