//! PDF from the outside: documents made here with lopdf, read through [`open`].

mod formulas;
mod hints;
mod pages;

use std::sync::Arc;

use lopdf::{
    Document, EncryptionState, EncryptionVersion, Object, Permissions, Stream, StringFormat,
    content::{Content, Operation},
    dictionary,
};

use crate::{
    error::ErrorKind,
    ids::{ByteSize, PageNumber},
    input::{Limits, OpenOptions, PageSource, RenderOptions, open},
    page_text::TextLayer,
    raster::PixelFormat,
};

/// One page's content and what its dictionary says beside it.
#[derive(Default)]
struct Page {
    operations: Vec<Operation>,
    rotate: i64,
    crop: Option<[i64; 4]>,
    image: Option<(i64, i64)>,
}

fn text(words: &str, x: i64, y: i64) -> Vec<Operation> {
    vec![
        Operation::new("BT", vec![]),
        Operation::new("Tf", vec!["F1".into(), 20.into()]),
        Operation::new("Td", vec![x.into(), y.into()]),
        Operation::new("Tj", vec![Object::string_literal(words)]),
        Operation::new("ET", vec![]),
    ]
}

/// Draws the page's image over the whole page.
fn full_page_image() -> Vec<Operation> {
    vec![
        Operation::new("q", vec![]),
        Operation::new("cm", vec![400.into(), 0.into(), 0.into(), 200.into(), 0.into(), 0.into()]),
        Operation::new("Do", vec!["Im1".into()]),
        Operation::new("Q", vec![]),
    ]
}

/// A document of pages of 400 x 200 points.
fn document(pages: Vec<Page>) -> Document {
    let mut document = Document::with_version("1.5");
    // First, so that it is not what a file that is cut off has lost.
    let catalog = document.new_object_id();
    let root = document.new_object_id();
    let font = document.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier" });
    let kids: Vec<Object> = pages
        .into_iter()
        .map(|page| {
            let content = Content { operations: page.operations }.encode().unwrap();
            let content = document.add_object(Stream::new(dictionary! {}, content));
            let mut resources = dictionary! { "Font" => dictionary! { "F1" => font } };
            if let Some((width, height)) = page.image {
                let dict = dictionary! {
                    "Type" => "XObject", "Subtype" => "Image", "Width" => width, "Height" => height,
                    "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8,
                };
                // A bomb need not have its pixels.
                let pixels = vec![0x40; (width * height).min(1 << 16) as usize];
                let image = document.add_object(Stream::new(dict, pixels));
                resources.set("XObject", dictionary! { "Im1" => image });
            }
            let mut dict = dictionary! {
                "Type" => "Page", "Parent" => root, "Contents" => content, "Resources" => resources,
                "MediaBox" => vec![0.into(), 0.into(), 400.into(), 200.into()], "Rotate" => page.rotate,
            };
            if let Some(crop) = page.crop {
                dict.set("CropBox", crop.map(Object::from).to_vec());
            }
            document.add_object(dict).into()
        })
        .collect();
    let count = kids.len() as i64;
    document.objects.insert(root, dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count }.into());
    document.objects.insert(catalog, dictionary! { "Type" => "Catalog", "Pages" => root }.into());
    document.trailer.set("Root", catalog);
    document.trailer.set("ID", Object::Array(vec![Object::String(vec![7; 16], StringFormat::Hexadecimal); 2]));
    document
}

fn bytes(mut document: Document) -> Vec<u8> {
    let mut out = Vec::new();
    document.save_to(&mut out).unwrap();
    out
}

fn source(pages: Vec<Page>) -> Box<dyn PageSource> {
    open(Arc::new(bytes(document(pages))), &OpenOptions::default()).unwrap()
}

fn layer(page: Page) -> Option<TextLayer> {
    source(vec![page]).text_layer(PageNumber::FIRST).unwrap()
}

#[test]
fn text_is_where_it_is_seen() {
    // 20 points Courier: each letter is 12 points wide. The baseline is 50 points above the lower edge.
    let page = || Page { operations: text("Hello world", 100, 50), ..Default::default() };
    let upright = layer(page()).unwrap();
    assert_eq!((upright.width, upright.height, upright.text.trim_end()), (400, 200, "Hello world"));
    assert!(upright.doubt.is_none());
    let near = |a: f32, b: f32| assert!((a - b).abs() < 0.6, "{a} {b}");
    let first = upright.lines[0].polygon.0[0];
    near(first.x, 100.0);
    near(first.y, 150.0 - 0.78 * 20.0);
    near(upright.lines[0].polygon.width(), 11.0 * 12.0);
    let words: Vec<_> = upright.lines[0].words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(words, ["Hello", "world"]);
    near(upright.lines[0].words[1].polygon.0[0].x, 100.0 + 6.0 * 12.0);
    // Turned clockwise: what was 150 from the top is now 50 from the left... of a page 200 wide and 400 high.
    let turned = layer(Page { rotate: 90, ..page() }).unwrap();
    assert_eq!((turned.width, turned.height, turned.text.trim_end()), (200, 400, "Hello world"));
    let first = turned.lines[0].polygon.0[0];
    near(first.x, 50.0 + 0.78 * 20.0);
    near(first.y, 100.0);
    // Cropped: the page begins at the box, and what is outside is not seen.
    let mut operations = text("Hello", 100, 50);
    operations.extend(text("outside", 300, 150));
    let cropped = layer(Page { operations, crop: Some([90, 40, 290, 100]), ..Default::default() }).unwrap();
    assert_eq!((cropped.width, cropped.height, cropped.text.trim_end()), (200, 60, "Hello"));
    near(cropped.lines[0].polygon.0[0].x, 10.0);
}

#[test]
fn pages_are_rendered_at_the_resolution_asked_for_or_the_smallest_size() {
    let pages = vec![
        Page { operations: text("Hello", 100, 50), ..Default::default() },
        Page { rotate: 270, ..Default::default() },
        Page {
            operations: vec![
                Operation::new("rg", vec![1.into(), 0.into(), 0.into()]),
                Operation::new("re", vec![0.into(), 0.into(), 200.into(), 200.into()]),
                Operation::new("f", vec![]),
            ],
            ..Default::default()
        },
    ];
    let source = source(pages);
    let render = |page, dpi, min_side| {
        let page = PageNumber::new(page).unwrap();
        let options = RenderOptions { dpi, min_side };
        let info = source.page_info(page, &options).unwrap();
        let raster = source.render(page, &options).unwrap();
        assert_eq!((info.width, info.height), (raster.width, raster.height));
        raster
    };
    let plain = render(1, 144.0, 100);
    assert_eq!((plain.width, plain.height, plain.dpi, plain.format), (800, 400, 144.0, PixelFormat::Gray8));
    assert!(plain.data.iter().any(|&v| v < 64), "the text is black");
    assert_eq!(plain.data[0], 255, "the paper is white");
    let small = render(1, 72.0, 1_000);
    assert_eq!((small.width, small.height, small.dpi), (1_000, 500, 180.0));
    let turned = render(2, 72.0, 100);
    assert_eq!((turned.width, turned.height), (200, 400));
    let colored = render(3, 72.0, 100);
    assert_eq!((colored.format, &colored.data[..3]), (PixelFormat::Rgb8, &[255, 0, 0][..]));
    assert_eq!(colored.data[colored.data.len() - 3..], [255; 3]);
}

#[test]
fn a_scan_is_told_from_a_page_of_text() {
    let scan = |more: Vec<Operation>| Page {
        operations: [full_page_image(), more].concat(),
        image: Some((40, 20)),
        ..Default::default()
    };
    assert!(layer(scan(vec![])).is_none(), "a bare scan has no layer");
    let stamped = layer(scan(text("page 3", 10, 10))).unwrap();
    assert!(stamped.doubt.is_some(), "a stamp is not the page's text");
    let prose: Vec<_> = (0..8).flat_map(|i| text("enough words to believe", 10, 20 + 20 * i)).collect();
    assert!(layer(scan(prose.clone())).unwrap().doubt.is_none());
    // What an OCR program leaves: render mode 3 is invisible.
    let invisible = [vec![Operation::new("Tr", vec![3.into()])], prose].concat();
    let recognised = layer(scan(invisible)).unwrap();
    assert!(recognised.doubt.is_none());
    assert_eq!(recognised.lines.len(), 8);
}

#[test]
fn text_set_twice_is_read_once() {
    let twice = [text("bold", 100, 50), text("bold", 101, 50)].concat();
    assert_eq!(layer(Page { operations: twice, ..Default::default() }).unwrap().text.trim_end(), "bold");
    let stroked = [vec![Operation::new("Tr", vec![2.into()])], text("outlined", 100, 50)].concat();
    assert_eq!(layer(Page { operations: stroked, ..Default::default() }).unwrap().text.trim_end(), "outlined");
}

#[test]
fn encrypted_documents_open_with_either_password_and_say_when_they_do_not() {
    let encrypted = |owner: &str, user: &str| {
        let mut document = document(vec![Page { operations: text("secret", 10, 10), ..Default::default() }]);
        let version = EncryptionVersion::V2 {
            document: &document,
            owner_password: owner,
            user_password: user,
            key_length: 128,
            permissions: Permissions::all(),
        };
        let state = EncryptionState::try_from(version).unwrap();
        document.encrypt(&state).unwrap();
        bytes(document)
    };
    let read = |bytes: &[u8], password: Option<&str>| {
        let options = OpenOptions { password: password.map(str::to_owned), ..Default::default() };
        let source = open(Arc::new(bytes.to_vec()), &options).map_err(|error| error.kind)?;
        Ok(source.text_layer(PageNumber::FIRST).unwrap().unwrap().text.trim_end().to_owned())
    };
    let both = encrypted("âge", "hôtel");
    assert_eq!(read(&both, Some("hôtel")), Ok("secret".to_owned()));
    assert_eq!(read(&both, Some("âge")), Ok("secret".to_owned()));
    assert_eq!(read(&both, Some("wrong")), Err(ErrorKind::Encrypted));
    assert_eq!(read(&both, None), Err(ErrorKind::Encrypted));
    let open_to_read = encrypted("owner", "");
    assert_eq!(read(&open_to_read, None), Ok("secret".to_owned()));
    assert_eq!(read(&open_to_read, Some("needless")), Ok("secret".to_owned()));
}

#[test]
fn damaged_structure_is_put_together_again_and_nothing_is_made_of_nothing() {
    let good = bytes(document(vec![Page { operations: text("saved", 10, 10), ..Default::default() }]));
    let read = |bytes: Vec<u8>| {
        let source = open(Arc::new(bytes), &OpenOptions::default()).map_err(|error| error.kind)?;
        let layer = source.text_layer(PageNumber::FIRST).unwrap();
        Ok(layer.map_or_else(String::new, |layer| layer.text.trim_end().to_owned()))
    };
    let position = |needle: &[u8]| good.windows(needle.len()).rposition(|window| window == needle).unwrap();
    let without_table = good[..good.windows(4).position(|window| window == b"xref").unwrap()].to_vec();
    assert_eq!(read(without_table), Ok("saved".to_owned()));
    let mut wrong_offset = good.clone();
    let digits = position(b"startxref") + 10;
    wrong_offset[digits] = b'9';
    assert_eq!(read(wrong_offset), Ok("saved".to_owned()));
    let behind_rubbish = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), good].concat();
    assert_eq!(read(behind_rubbish), Ok("saved".to_owned()));
    assert_eq!(read(b"%PDF-1.4\nnothing at all".to_vec()), Err(ErrorKind::Damaged));
}

#[test]
fn what_would_not_fit_is_refused_before_it_is_decoded_and_large_pages_are_rendered_smaller() {
    let bomb = Page { operations: full_page_image(), image: Some((35_000, 35_000)), ..Default::default() };
    let source = source(vec![bomb]);
    let options = RenderOptions::default();
    let error = source.render(PageNumber::FIRST, &options).unwrap_err();
    assert_eq!((error.kind, error.page), (ErrorKind::TooLarge, Some(PageNumber::FIRST)));
    assert!(error.message.contains("35000 x 35000"), "{error}");
    let limits = Limits { page: ByteSize::mib(2) };
    let plain = bytes(document(vec![Page { operations: text("Hello", 100, 50), ..Default::default() }]));
    let source = open(Arc::new(plain), &OpenOptions { limits, ..Default::default() }).unwrap();
    let info = source.page_info(PageNumber::FIRST, &RenderOptions { dpi: 300.0, min_side: 1_000 }).unwrap();
    assert!(info.width > 600 && info.cost <= limits.page, "{info:?}");
    let tiny = Limits { page: ByteSize::kib(10) };
    let plain = bytes(document(vec![Page::default()]));
    let source = open(Arc::new(plain), &OpenOptions { limits: tiny, ..Default::default() }).unwrap();
    assert_eq!(source.page_info(PageNumber::FIRST, &options).unwrap_err().kind, ErrorKind::TooLarge);
}

/// More pages than one opening of the document serves, from several threads at once.
#[test]
fn long_documents_are_read_through_reopening_and_in_parallel() {
    let pages = (1..=150).map(|n| Page { operations: text(&format!("number {n}"), 10, 100), ..Default::default() });
    let source = source(pages.collect());
    assert_eq!(source.page_count(), 150);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for n in 1..=150 {
                    let page = PageNumber::new(n).unwrap();
                    let layer = source.text_layer(page).unwrap().unwrap();
                    assert_eq!(layer.text.trim_end(), format!("number {n}"));
                }
            });
        }
    });
    let beyond = PageNumber::new(151).unwrap();
    assert_eq!(source.text_layer(beyond).unwrap_err().kind, ErrorKind::NoSuchPage);
    assert_eq!(source.render(beyond, &RenderOptions::default()).unwrap_err().kind, ErrorKind::NoSuchPage);
}

/// What is told to be lost of each page of the document with these bytes.
fn damage(bytes: Vec<u8>) -> Vec<Option<String>> {
    let source = open(Arc::new(bytes), &OpenOptions::default()).unwrap();
    (0..source.page_count()).map(|index| source.damage(PageNumber::from_index(index))).collect()
}

fn two_pages() -> Document {
    let page = |words: &str| Page {
        operations: [full_page_image(), text(words, 10, 10)].concat(),
        image: Some((40, 20)),
        ..Default::default()
    };
    document(vec![page("one"), page("two")])
}

/// The object that is this page's `key`, and what kind of thing it is.
fn content_of(document: &Document, page: u32) -> lopdf::ObjectId {
    let id = document.get_pages()[&page];
    document.get_dictionary(id).unwrap().get(b"Contents").unwrap().as_reference().unwrap()
}

#[test]
fn a_whole_document_has_lost_nothing() {
    assert_eq!(damage(bytes(two_pages())), [None, None]);
    let mut packed = two_pages();
    packed.compress();
    assert_eq!(damage(bytes(packed)), [None, None]);
    assert_eq!(damage(bytes(document(vec![Page::default()]))), [None], "a blank page is whole");
}

#[test]
fn what_is_lost_of_a_page_is_told_on_that_page() {
    let told = |what: &str, spoil: &dyn Fn(&mut Document)| {
        let mut document = two_pages();
        document.compress();
        spoil(&mut document);
        let told = damage(bytes(document));
        assert_eq!(told[0], None, "{what}");
        let told = told[1].clone().unwrap_or_default();
        assert!(told.starts_with(what), "{what}: {told:?}");
    };
    let is_image = |object: &Object| object.as_stream().is_ok_and(|s| s.dict.has_type(b"XObject"));
    let last_image =
        move |document: &Document| *document.objects.iter().rfind(|(_, object)| is_image(object)).unwrap().0;
    told("the page's content is missing", &|document| {
        let id = content_of(document, 2);
        document.objects.remove(&id);
    });
    told("the page's content ends early", &|document| {
        let id = content_of(document, 2);
        let mut stream = document.get_object_mut(id).unwrap().as_stream_mut().unwrap().clone();
        stream.set_plain_content(b"BT /F1 20 Tf 10 10 Td (a page of many words) Tj ET\n".repeat(50));
        stream.compress().unwrap();
        let half = stream.content.len() / 2;
        stream.content[half..].fill(0);
        *document.get_object_mut(id).unwrap() = stream.into();
    });
    told("a picture on the page is missing", &move |document| drop(document.objects.remove(&last_image(document))));
    told("a picture on the page ends early", &move |document| {
        let image = last_image(document);
        let image = document.get_object_mut(image).unwrap().as_stream_mut().unwrap();
        image.set_plain_content(vec![0x40; 300]);
    });
    told("a font of the page is missing", &|document| {
        let id = document.get_pages()[&2];
        let page = document.get_dictionary_mut(id).unwrap();
        let fonts = lopdf::dictionary! { "F1" => Object::Reference((9_999, 0)) };
        page.get_mut(b"Resources").unwrap().as_dict_mut().unwrap().set("Font", fonts);
    });
}

#[test]
fn of_a_file_that_is_cut_off_no_page_passes_for_a_blank_one() {
    let pages = (1..=9).map(|n| Page { operations: text(&format!("page number {n}"), 10, 100), ..Default::default() });
    let whole = bytes(document(pages.collect()));
    let mut opened = 0;
    for percent in (10..100).step_by(5) {
        let Ok(source) = open(Arc::new(whole[..whole.len() * percent / 100].to_vec()), &OpenOptions::default()) else {
            continue;
        };
        opened += 1;
        let last = PageNumber::from_index(source.page_count() - 1);
        assert!(source.damage(last).is_some(), "{percent}%: nothing is told of the pages that are lost");
        for page in (0..source.page_count()).map(PageNumber::from_index) {
            let text = source.text_layer(page).unwrap().map(|layer| layer.text).unwrap_or_default();
            assert!(!text.is_empty() || source.damage(page).is_some(), "{percent}%: {page}");
        }
    }
    assert!(opened > 9, "half of the ways to cut it leave a document: {opened}");
}
