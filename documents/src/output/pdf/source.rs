//! The PDF that a result is made of: whether its tables are sound enough to be gone on from, and its objects as lopdf writes them.
//!
//! An update (PDF 32000-1, 7.5.6) is appended to the bytes as they are. It names the table before it, so that one must be where the
//! file says it is, and so must those before.

use std::collections::HashSet;

use hayro::hayro_syntax::object::{Array, Dict, FromBytes as _, MaybeRef, ObjRef, Object as Read, ObjectIdentifier};
use lopdf::{Dictionary, Object, ObjectId, StringFormat};

use super::objects::TableForm;

/// More updates than any file has.
const MOST_SECTIONS: usize = 4_096;
/// Bytes at the end in which `startxref` stands (annex H.3, note 18).
const END: usize = 1_024;

/// What an update has to know of the file.
pub(super) struct Tables {
    /// Where the latest table is.
    pub(super) last: u64,
    pub(super) form: TableForm,
    /// The first number that no object has.
    pub(super) next: u32,
    /// The trailer's entries, without those that are about its table.
    pub(super) trailer: Dictionary,
}

impl Tables {
    /// `None` where the tables cannot be followed: a reader puts such a file together as it sees fit, and no update can.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let tail = &bytes[bytes.len().saturating_sub(END)..];
        let at = tail.windows(9).rposition(|window| window == b"startxref")? + 9;
        let last = whole_number(tail.get(at..)?)?.0;
        let mut seen = HashSet::new();
        let (mut form, mut next, mut trailer) = (None, 0, None);
        let mut waiting = Some(last);
        while let Some(at) = waiting {
            if seen.len() == MOST_SECTIONS || !seen.insert(at) {
                return None;
            }
            let section = Section::at(bytes, usize::try_from(at).ok()?)?;
            next = next.max(section.next);
            form = form.or(Some(section.form));
            waiting = match section.trailer.get::<Read<'_>>("Prev").and_then(Read::into_number) {
                Some(prev) => Some(u64::try_from(prev.as_i64()).ok()?),
                None => None,
            };
            trailer.get_or_insert(section.trailer);
        }
        let about_table = ["Prev", "Size", "XRefStm", "Type", "W", "Index", "Filter", "DecodeParms", "Length"];
        let mut entries = copied(&trailer?);
        for key in about_table {
            entries.remove(key.as_bytes());
        }
        entries.has(b"Root").then_some(())?;
        Some(Self { last, form: form?, next: u32::try_from(next).ok()?, trailer: entries })
    }
}

/// One table.
struct Section<'a> {
    form: TableForm,
    next: u64,
    trailer: Dict<'a>,
}

impl<'a> Section<'a> {
    fn at(bytes: &'a [u8], at: usize) -> Option<Self> {
        let rest = bytes.get(at..)?;
        let rest = &rest[blanks(rest)..];
        match rest.strip_prefix(b"xref") {
            Some(table) => Self::plain(table),
            None => Self::stream(rest),
        }
    }

    fn plain(mut rest: &'a [u8]) -> Option<Self> {
        let mut next = 0;
        loop {
            rest = &rest[blanks(rest)..];
            if let Some(after) = rest.strip_prefix(b"trailer") {
                let trailer = Dict::from_bytes(&after[blanks(after)..])?;
                let size = trailer.get::<Read<'_>>("Size").and_then(Read::into_number).map_or(0, |size| size.as_i64());
                return Some(Self { form: TableForm::Plain, next: next.max(u64::try_from(size).ok()?), trailer });
            }
            let (first, length) = whole_number(rest)?;
            let (count, more) = whole_number(rest.get(length..)?)?;
            next = next.max(first.checked_add(count)?);
            rest = rest.get(length + more..)?;
            rest = &rest[blanks(rest)..];
            // Entries have twenty bytes, or nobody can say where the table ends.
            rest = rest.get(usize::try_from(count.checked_mul(20)?).ok()?.min(rest.len())..)?;
        }
    }

    fn stream(rest: &'a [u8]) -> Option<Self> {
        let (_, length) = whole_number(rest)?;
        let (_, more) = whole_number(rest.get(length..)?)?;
        let rest = rest.get(length + more..)?;
        let rest = rest[blanks(rest)..].strip_prefix(b"obj")?;
        let trailer = Dict::from_bytes(&rest[blanks(rest)..])?;
        let kind = trailer.get::<Read<'_>>("Type").and_then(Read::into_name)?;
        (kind.as_ref() == b"XRef").then_some(())?;
        let size = trailer.get::<Read<'_>>("Size").and_then(Read::into_number)?.as_i64();
        let index: Vec<i64> = trailer.get::<Array<'_>>("Index").map(|index| numbers(&index)).unwrap_or_default();
        let ends = index.chunks_exact(2).map(|run| run[0].saturating_add(run[1]));
        let next = ends.chain([size]).max().unwrap_or(size);
        Some(Self { form: TableForm::Stream, next: u64::try_from(next).ok()?, trailer })
    }
}

fn numbers(array: &Array<'_>) -> Vec<i64> {
    array.iter::<Read<'_>>().filter_map(Read::into_number).map(|number| number.as_i64()).collect()
}

fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')).count()
}

/// A number after blanks, and how many bytes both have.
fn whole_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let start = blanks(bytes);
    let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(&bytes[start..start + digits]).ok()?.parse().ok()?;
    Some((number, start + digits))
}

pub(super) fn id_of(reference: ObjRef) -> Option<ObjectId> {
    let id: ObjectIdentifier = reference.into();
    Some((id.obj_number, u16::try_from(id.gen_number).ok()?))
}

/// A dictionary as lopdf writes it; what it refers to is referred to.
pub(super) fn copied(dict: &Dict<'_>) -> Dictionary {
    let mut copy = Dictionary::new();
    for (key, value) in dict.entries() {
        copy.set(key.as_ref().to_vec(), written(value));
    }
    copy
}

pub(super) fn written(value: MaybeRef<Read<'_>>) -> Object {
    let object = match value {
        MaybeRef::Ref(reference) => return id_of(reference).map_or(Object::Null, Object::Reference),
        MaybeRef::NotRef(object) => object,
    };
    match object {
        Read::Null(_) => Object::Null,
        Read::Boolean(value) => Object::Boolean(value),
        Read::Number(number) => {
            let value = number.as_f64();
            // Whole numbers may have been written with a point; they mean the same.
            if value.fract() == 0.0 && value.abs() < 9e15 {
                Object::Integer(number.as_i64())
            } else {
                Object::Real(value as f32)
            }
        }
        Read::String(text) => Object::String(text.as_bytes().to_vec(), StringFormat::Hexadecimal),
        Read::Name(name) => Object::Name(name.as_ref().to_vec()),
        Read::Dict(dict) => Object::Dictionary(copied(&dict)),
        Read::Array(array) => Object::Array(array.raw_iter().map(written).collect()),
        // No object that is not referred to is a stream.
        Read::Stream(_) => Object::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_lead_nowhere_are_none() {
        let plain = |prev: &str, at: usize| {
            format!(
                "%PDF-1.4\nxref\n0 2\n0000000000 65535 f \n0000000009 00000 n \ntrailer\n<</Size 9/Root 1 0 R{prev}/ID[<61>(b)]>>\nstartxref\n{at}\n%%EOF\n"
            )
        };
        let tables = Tables::of(plain("", 9).as_bytes()).unwrap();
        assert_eq!((tables.last, tables.form, tables.next), (9, TableForm::Plain, 9));
        assert!(tables.trailer.has(b"Root") && tables.trailer.has(b"ID") && !tables.trailer.has(b"Size"));
        for (prev, at) in [("", 10), ("", 99_999), ("/Prev 9", 9), ("/Prev 400", 9), ("/Prev -1", 9)] {
            assert!(Tables::of(plain(prev, at).as_bytes()).is_none(), "{prev} {at}");
        }
    }
}
