//! What lopdf does better than hayro: it opens documents by the owner's password, by passwords in Latin-1 and by prepared
//! ones, and it puts documents together again whose cross-reference table or page tree is broken. The result is a new,
//! plain document in memory for hayro to read; it is made only when hayro has refused the original.

use lopdf::{Dictionary, Document, LoadOptions, Object, dictionary};

use crate::{
    error::{Error, ErrorKind, Result},
    input::OpenOptions,
};

/// A copy without encryption, or an error when the password does not open the document. lopdf brings the password into
/// the form that the revision asks for: PDFDocEncoding up to revision 4, SASLprep and UTF-8 after it (PDF 32000-2,
/// 7.6.4.3), and tries it as the owner's and as the user's.
pub(super) fn decrypt(bytes: &[u8], options: &OpenOptions) -> Result<Vec<u8>> {
    let document = load(bytes, options, false)?;
    if document.is_encrypted() {
        return Err(Error::new(ErrorKind::Encrypted, "the password does not open the document"));
    }
    save(document)
}

/// The key of the encryption dictionary, and one of the same length that means nothing.
const ENCRYPT: &[u8] = b"/Encrypt";
const IGNORED: &[u8] = b"/Ignored";

/// A copy that says nothing of encryption, if nothing but attachments is encrypted: the filters for streams and strings are Identity,
/// and what EFF names is not asked for (PDF 32000-1, 7.6.5 and 7.11.4). Anyone may read such a document, without a password.
pub(super) fn with_open_content(bytes: &[u8], options: &OpenOptions) -> Option<Vec<u8>> {
    let mut copy = bytes.to_vec();
    let is_key = |at: &usize| {
        bytes[*at..].starts_with(ENCRYPT) && !bytes.get(at + ENCRYPT.len()).is_some_and(u8::is_ascii_alphanumeric)
    };
    let keys: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] == b'/').filter(is_key).collect();
    for &at in &keys {
        copy[at..at + IGNORED.len()].copy_from_slice(IGNORED);
    }
    if keys.is_empty() {
        return None;
    }
    let document = load(&copy, options, false).ok()?;
    let key = document.trailer.get(&IGNORED[1..]).ok()?;
    let dict = document.dereference(key).ok()?.1.as_dict().ok()?;
    let is_identity =
        |filter: &[u8]| dict.get(filter).map_or(true, |name| name.as_name().is_ok_and(|name| name == b"Identity"));
    let has_filters = dict.get(b"V").and_then(Object::as_i64).is_ok_and(|version| version >= 4);
    (has_filters && is_identity(b"StmF") && is_identity(b"StrF")).then_some(copy)
}

/// A copy with a new cross-reference table, and with a new page tree if the old one leads to no page.
pub(super) fn rebuild(bytes: &[u8], options: &OpenOptions) -> Result<Vec<u8>> {
    let mut document = load(bytes, options, false)
        .ok()
        .filter(|document| !document.get_pages().is_empty())
        .map_or_else(|| load(bytes, options, true), Ok)?;
    if document.get_pages().is_empty() {
        adopt_stray_pages(&mut document)?;
    }
    save(document)
}

pub(super) fn load(bytes: &[u8], options: &OpenOptions, force_reconstruct: bool) -> Result<Document> {
    let most = usize::try_from(options.limits.page.bytes()).unwrap_or(usize::MAX);
    let password = Some(options.password.clone().unwrap_or_default());
    let options = LoadOptions { password, max_decompressed_size: Some(most), force_reconstruct, ..Default::default() };
    Document::load_mem_with_options(bytes, options)
        .map_err(|error| Error::new(ErrorKind::Damaged, format!("the document cannot be put together again ({error})")))
}

pub(super) fn save(mut document: Document) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    document
        .save_to(&mut out)
        .map_err(|error| Error::new(ErrorKind::Damaged, format!("the document cannot be written anew ({error})")))?;
    Ok(out)
}

/// Hangs all page objects that there are below a new root, in the order of their numbers.
fn adopt_stray_pages(document: &mut Document) -> Result<()> {
    let pages: Vec<_> = document
        .objects
        .iter()
        .filter(|(_, object)| object.as_dict().is_ok_and(|dict| dict.has_type(b"Page")))
        .map(|(id, _)| *id)
        .collect();
    if pages.is_empty() {
        return Err(Error::new(ErrorKind::Damaged, "the document has no page objects"));
    }
    let root = document.add_object(dictionary! {
        "Type" => "Pages",
        "Count" => pages.len() as i64,
        "Kids" => pages.iter().map(|id| Object::Reference(*id)).collect::<Vec<_>>(),
    });
    for page in &pages {
        if let Ok(dict) = document.get_dictionary_mut(*page) {
            dict.set("Parent", root);
        }
    }
    let catalog = match document.catalog_mut() {
        Ok(catalog) => catalog,
        Err(_) => {
            let id = document.add_object(Dictionary::new());
            document.trailer.set("Root", id);
            document
                .get_dictionary_mut(id)
                .map_err(|_| Error::new(ErrorKind::Damaged, "the document has no catalogue"))?
        }
    };
    catalog.set("Type", "Catalog");
    catalog.set("Pages", root);
    Ok(())
}
