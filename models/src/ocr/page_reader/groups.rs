//! Lines that are asked about together.

use std::collections::VecDeque;

/// Indices of the next lines whose tensors are asked for together: as many as come to so many bytes, and one at least.
pub(super) fn group(waiting: &mut VecDeque<usize>, most: usize, tensor_bytes: impl Fn(usize) -> usize) -> Vec<usize> {
    let mut bytes = 0;
    let mut group = Vec::new();
    while let Some(&index) = waiting.front() {
        bytes += tensor_bytes(index);
        if bytes > most && !group.is_empty() {
            break;
        }
        group.push(index);
        waiting.pop_front();
    }
    group
}
