//! The kinds of pages, by what is wrong when they are read wrongly.

pub mod chance;
pub mod direction;
pub mod false_layers;
pub mod forms;
pub mod images;
pub mod order;
pub mod overlaid;
pub mod raised;
pub mod scans;
pub mod signs;
pub mod tables;
pub mod words;
