//! Numbered objects into a stream, one after the other, and the table of where they are at the end (PDF 32000-1, 7.5). Of what was
//! written nothing is kept but the places: 16 bytes an object.

use std::io::{self, Write};

use flate2::{Compression, write::ZlibEncoder};
use lopdf::{Dictionary, Object, ObjectId, Stream, Writer, dictionary};

/// Which form the table has. An update has that of the file that it is appended to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TableForm {
    Plain,
    /// A stream, as of PDF 1.5.
    Stream,
}

pub(super) struct ObjectWriter<W> {
    out: W,
    /// Bytes that went out.
    position: u64,
    places: Vec<(ObjectId, u64)>,
    next: u32,
}

impl<W: Write> ObjectWriter<W> {
    /// `next` is the first number that no object has.
    pub(super) fn new(out: W, next: u32) -> Self {
        Self { out, position: 0, places: Vec::new(), next }
    }

    /// Bytes that are no object of ours.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Whether no object was written.
    pub(super) fn is_untouched(&self) -> bool {
        self.places.is_empty()
    }

    /// A number of its own for an object that is written later.
    pub(super) fn reserve(&mut self) -> ObjectId {
        self.next += 1;
        (self.next - 1, 0)
    }

    pub(super) fn add(&mut self, object: impl Into<Object>) -> io::Result<ObjectId> {
        let id = self.reserve();
        self.write(id, object)?;
        Ok(id)
    }

    /// An object under a number that is reserved, or in the place of one that an update replaces.
    pub(super) fn write(&mut self, id: ObjectId, object: impl Into<Object>) -> io::Result<()> {
        let mut bytes = format!("{} {} obj\n", id.0, id.1).into_bytes();
        Writer::write_object(&mut bytes, &object.into()).map_err(io::Error::other)?;
        bytes.extend(b"\nendobj\n");
        self.places.push((id, self.position));
        self.raw(&bytes)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The table and the trailer, which has `entries` beside its size; an update says with `Prev` where the table before is.
    pub(super) fn finish(&mut self, form: TableForm, entries: Dictionary) -> io::Result<()> {
        let mut trailer = entries;
        match form {
            TableForm::Plain => self.plain_table(&mut trailer)?,
            TableForm::Stream => self.stream_table(trailer)?,
        }
        self.out.flush()
    }

    /// Runs of numbers that follow each other.
    fn runs(&mut self) -> Vec<Vec<(ObjectId, u64)>> {
        self.places.sort_unstable();
        let follows = |a: &(ObjectId, u64), b: &(ObjectId, u64)| b.0.0 == a.0.0 + 1;
        self.places.chunk_by(follows).map(<[_]>::to_vec).collect()
    }

    fn plain_table(&mut self, trailer: &mut Dictionary) -> io::Result<()> {
        let at = self.position;
        let mut table = b"xref\n".to_vec();
        if !trailer.has(b"Prev") {
            table.extend(b"0 1\n0000000000 65535 f \n");
        }
        for run in self.runs() {
            writeln!(table, "{} {}", run[0].0.0, run.len())?;
            for ((_, generation), place) in run {
                writeln!(table, "{place:010} {generation:05} n ")?;
            }
        }
        trailer.set("Size", i64::from(self.next));
        table.extend(b"trailer\n");
        Writer::write_object(&mut table, &Object::Dictionary(trailer.clone())).map_err(io::Error::other)?;
        write!(table, "\nstartxref\n{at}\n%%EOF\n")?;
        self.raw(&table)
    }

    fn stream_table(&mut self, trailer: Dictionary) -> io::Result<()> {
        let id = self.reserve();
        let at = self.position;
        self.places.push((id, at));
        let width = 8 - (at.leading_zeros() / 8) as usize;
        let (mut rows, mut index) = (Vec::new(), Vec::new());
        if !trailer.has(b"Prev") {
            index.extend([0.into(), 1.into()]);
            rows.extend([0; 16][..1 + width].iter().chain(&[0xff, 0xff]));
        }
        for run in self.runs() {
            index.extend([Object::Integer(run[0].0.0.into()), Object::Integer(run.len() as i64)]);
            for ((_, generation), place) in run {
                rows.push(1);
                rows.extend(&place.to_be_bytes()[8 - width..]);
                rows.extend(generation.to_be_bytes());
            }
        }
        let mut dict = trailer;
        dict.set("Type", "XRef");
        dict.set("Size", i64::from(self.next));
        dict.set("W", vec![1.into(), (width as i64).into(), 2.into()]);
        dict.set("Index", index);
        let mut bytes = format!("{} 0 obj\n", id.0).into_bytes();
        Writer::write_object(&mut bytes, &Object::Stream(packed(dict, &rows)?)).map_err(io::Error::other)?;
        write!(bytes, "\nendobj\nstartxref\n{at}\n%%EOF\n")?;
        self.raw(&bytes)
    }
}

/// A stream that holds `content`, compressed.
pub(super) fn packed(mut dict: Dictionary, content: &[u8]) -> io::Result<Stream> {
    dict.set("Filter", "FlateDecode");
    Ok(stored(dict, deflated(content)?))
}

/// A stream that holds bytes as they are.
pub(super) fn stored(dict: Dictionary, content: Vec<u8>) -> Stream {
    Stream::new(dict, content).with_compression(false)
}

pub(super) fn deflated(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(content.len() / 3), Compression::new(7));
    encoder.write_all(content)?;
    encoder.finish()
}

/// A new document's head.
pub(super) const HEAD: &[u8] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n";

/// The identity of a file and its versions (14.4): of a new one both are the same.
pub(super) fn identity(first: &[u8], second: &[u8]) -> Object {
    let text = |bytes: &[u8]| Object::String(bytes.to_vec(), lopdf::StringFormat::Hexadecimal);
    vec![text(first), text(second)].into()
}

/// A catalogue of pages and nothing else.
pub(super) fn catalog(pages: ObjectId) -> Dictionary {
    dictionary! { "Type" => "Catalog", "Pages" => pages }
}

#[cfg(test)]
mod tests {
    use lopdf::Document;

    use super::*;

    #[test]
    fn both_forms_of_the_table_lead_to_every_object() {
        for form in [TableForm::Plain, TableForm::Stream] {
            let mut out = Vec::new();
            let mut objects = ObjectWriter::new(&mut out, 1);
            objects.raw(HEAD).unwrap();
            let pages = objects.reserve();
            let root = objects.add(catalog(pages)).unwrap();
            // Numbers need not come in their order.
            objects.write(pages, dictionary! { "Type" => "Pages", "Count" => 0, "Kids" => Vec::new() }).unwrap();
            let text = objects.add(packed(Dictionary::new(), b"content").unwrap()).unwrap();
            objects.finish(form, dictionary! { "Root" => root }).unwrap();
            let document = Document::load_mem(&out).unwrap();
            assert!(document.catalog().unwrap().has(b"Pages"), "{form:?}");
            let stream = document.get_object(text).unwrap().as_stream().unwrap();
            assert_eq!(stream.decompressed_content().unwrap(), b"content");
        }
    }
}
