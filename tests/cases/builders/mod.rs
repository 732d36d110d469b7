//! The kinds of pages, by what is wrong when they are read wrongly.

pub mod direction;
pub mod order;
pub mod signs;
pub mod tables;
pub mod words;
