//! A small PDF writer: pages of text in fonts of any encoding, pictures, fields, and the ways in which a page may stand in a file.

mod encoding;
mod file;
mod font;
mod page;
mod to_unicode;
mod truetype;

pub use encoding::Encoding;
pub use file::{Standing, write};
pub use font::{Font, Letter, Says, as_is};
pub use page::{Manner, Page, Picture, turned_by};
pub use to_unicode::Form;
