use super::*;
use crate::output::testing::{document, page};

/// Every file below the folder, hidden ones too, but not the manifest.
fn listing(folder: &Path) -> Vec<String> {
    let (mut names, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false => names.push(entry.strip_prefix(folder).unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    names.retain(|name| name != manifest::NAME && !name.ends_with(".lock"));
    names.sort();
    names
}

fn files(folder: &Path) -> Files {
    Files::per_document(folder, &[OutputFormat::Text]).unwrap()
}

/// Writes a document of one page, complete.
fn write(files: &mut Files, source: &str, text: &str) -> io::Result<()> {
    let document = document(source, 1);
    files.write_page(&page(&document, 1, text))?;
    files.end_document(document.id, true)
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn a_file_appears_when_its_document_is_complete_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("new/out/.");
    let mut files = files(&folder);
    let (a, b) = (document("x/report.pdf", 2), document("y/report.pdf", 5));
    files.write_page(&page(&a, 1, "one")).unwrap();
    files.write_page(&page(&b, 1, "other")).unwrap();
    files.write_page(&page(&a, 2, "two")).unwrap();
    assert!(listing(&folder).iter().all(|name| name.ends_with(".tmp")));
    files.end_document(a.id, true).unwrap();
    assert!(folder.join("x/report.txt").exists());
    files.end_document(b.id, true).unwrap();
    files.finish().unwrap();
    assert_eq!(listing(&folder), ["x/report.txt", "y/report.txt"]);
    assert_eq!(read(&folder, "x/report.txt"), "one\n\u{c}two\n");
}

#[test]
fn a_document_that_is_not_complete_leaves_nothing_and_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(&mut files(folder), "a.pdf", "whole").unwrap();
    let mut files = files(folder);
    let (a, b) = (document("a.pdf", 2), document("b.pdf", 2));
    files.write_page(&page(&a, 1, "half")).unwrap();
    files.write_page(&page(&b, 1, "half")).unwrap();
    files.end_document(a.id, false).unwrap();
    files.finish().unwrap();
    assert_eq!(listing(folder), ["a.txt"]);
    assert_eq!(read(folder, "a.txt"), "whole\n");
}

#[test]
fn a_run_replaces_its_own_files_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("mine.txt"), "the user's").unwrap();
    for text in ["first", "second"] {
        write(&mut files(folder), "r.pdf", text).unwrap();
        assert_eq!(read(folder, "r.txt"), format!("{text}\n"));
    }
    let refused = |files: &mut Files, source: &str| {
        let told = files.expect(&[Expected::file(Path::new(source))]).unwrap_err();
        assert!(told.kind == ErrorKind::Io && told.hint.as_ref().unwrap().contains("--overwrite"), "{told:?}");
        let error = write(files, source, "new").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{error}");
        told.message
    };
    assert!(refused(&mut files(folder), "mine.pdf").contains("mine.txt"));
    assert_eq!(read(folder, "mine.txt"), "the user's");
    std::fs::write(folder.join("r.txt"), "corrected by hand").unwrap();
    assert!(refused(&mut files(folder), "r.pdf").contains("r.txt"));
    assert_eq!(read(folder, "r.txt"), "corrected by hand");
    let mut overwriting = files(folder).overwriting(true);
    overwriting.expect(&[Expected::file(Path::new("mine.pdf"))]).unwrap();
    write(&mut overwriting, "mine.pdf", "new").unwrap();
    assert_eq!((read(folder, "mine.txt"), read(folder, "r.txt")), ("new\n".into(), "corrected by hand".into()));
    write(&mut files(folder), "mine.pdf", "newer").unwrap();
    assert_eq!(listing(folder), ["mine.txt", "r.txt"], "nothing temporary is left by what was refused");
}

#[test]
fn another_document_of_the_same_name_has_a_file_of_its_own_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(&mut files(folder), "/x/m/r.pdf", "m").unwrap();
    write(&mut files(folder), "/x/a/r.pdf", "a").unwrap();
    let mut again = files(folder);
    for (source, text) in [("/x/b/r.pdf", "b"), ("/x/a/r.pdf", "a"), ("/x/m/r.pdf", "m")] {
        write(&mut again, source, text).unwrap();
    }
    assert_eq!(listing(folder), ["a/r.txt", "b/r.txt", "r.txt"]);
    assert_eq!(["a/r.txt", "b/r.txt", "r.txt"].map(|name| read(folder, name)), ["a\n", "b\n", "m\n"]);
}

#[test]
fn pages_have_files_of_their_own_and_leave_alone_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let per_page = || Files::per_page(folder, &[OutputFormat::Jsonl]).unwrap();
    let document = document("scan.tiff", 12);
    let record = page(&document, 7, "seven");
    per_page().write_page(&record).unwrap();
    let written = read(folder, "scan-0007.jsonl");
    assert_eq!(serde_json::from_str::<PageRecord>(&written).unwrap(), record);
    per_page().write_page(&page(&document, 7, "seven again")).unwrap();
    assert_eq!(listing(folder), ["scan-0007.jsonl"]);
    std::fs::write(folder.join("scan-0008.jsonl"), "the user's").unwrap();
    let told = per_page().expect(&[Expected::file(Path::new("scan.tiff"))]).unwrap_err();
    assert!(told.message.contains("scan-0008.jsonl"), "{told}");
    assert!(per_page().write_page(&page(&document, 8, "eight")).is_err());
    assert_eq!(read(folder, "scan-0008.jsonl"), "the user's");
}

#[test]
fn an_abandoned_document_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = files(folder.path());
    files.write_page(&page(&document("a.pdf", 2), 1, "half")).unwrap();
    drop(files);
    assert!(listing(folder.path()).is_empty());
}

#[test]
fn several_formats_stand_beside_each_other_and_page_xml_has_a_file_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    use OutputFormat::{Hocr, Json, Page, Text, Tsv};
    let mut files = Files::per_document(folder, &[Tsv, Hocr, Page, Text, Json, Text]).unwrap();
    let (one, two) = (document("one.png", 1), document("two.pdf", 2));
    for record in [page(&one, 1, "a"), page(&two, 1, "b"), page(&two, 2, "c")] {
        files.write_page(&record).unwrap();
    }
    files.end_document(one.id, true).unwrap();
    files.end_document(two.id, true).unwrap();
    files.finish().unwrap();
    let of_two = ["two-0001.page.xml", "two-0002.page.xml", "two.hocr", "two.json", "two.tsv", "two.txt"];
    let of_one = ["one.hocr", "one.json", "one.page.xml", "one.tsv", "one.txt"];
    assert_eq!(listing(folder), [&of_one[..], &of_two].concat());
    assert!(read(folder, "two.hocr").ends_with("</html>\n"));
    std::fs::write(folder.join("two-0002.page.xml"), "the user's").unwrap();
    let mut again = Files::per_document(folder, &[Page]).unwrap();
    let told = again.expect(&[Expected::file(Path::new("two.pdf"))]).unwrap_err();
    assert!(told.message.contains("two-0002.page.xml"), "{told}");
}

#[test]
fn no_document_is_replaced_by_its_own_result() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let input = folder.join("scan.pdf");
    std::fs::write(&input, "%PDF-").unwrap();
    let mut files = Files::per_document(folder, &[OutputFormat::Pdf]).unwrap().overwriting(true);
    let told = files.expect(&[Expected::below(&input, "scan.pdf".into())]).unwrap_err();
    assert!(told.message.contains("is a document that is read"), "{told}");
    assert!(Files::per_page(folder, &[OutputFormat::Pdf]).is_err());
}

/// The document is at hand: a page with a gray square.
struct Square;

impl crate::output::Originals for Square {
    fn open(&self, _: &DocumentRef) -> Result<crate::output::Original> {
        let mut pixels = b"P5 100 200 255\n".to_vec();
        pixels.extend((0..100 * 200).map(|at| if (20..60).contains(&(at % 100)) { 90 } else { 255 }));
        Ok(crate::output::Original { data: std::sync::Arc::new(pixels), password: None })
    }
}

/// A page with a figure upright on it.
fn figure(document: &DocumentRef, number: u32) -> PageRecord {
    use crate::{blocks::BlockKind, geometry::Rect, output::testing::block};
    let sides = Rect { left: 20.0, top: 50.0, right: 60.0, bottom: 100.0 };
    let mut figure = block(BlockKind::Figure, "");
    figure.polygon = crate::geometry::Polygon::from_rect(sides);
    crate::output::testing::blocks(document, number, vec![figure, block(BlockKind::Paragraph, "Below it.")])
}

fn with_images(folder: &Path, formats: &[OutputFormat]) -> Files {
    let document = crate::output::DocumentOptions { images: true, ..Default::default() };
    let options = OutputOptions { originals: std::sync::Arc::new(Square), document, ..OutputOptions::default() };
    Files::per_document(folder, formats).unwrap().with_options(options)
}

#[test]
fn pictures_stand_beside_markdown_and_in_the_others_when_the_document_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let formats = [OutputFormat::Markdown, OutputFormat::Html, OutputFormat::Docx, OutputFormat::Epub];
    let mut files = with_images(folder, &formats);
    let one = document("x/r 1.pnm", 1);
    files.write_page(&figure(&one, 1)).unwrap();
    assert!(listing(folder).iter().all(|name| name.contains(".tmp")), "{:?}", listing(folder));
    files.end_document(one.id, true).unwrap();
    files.finish().unwrap();
    assert!(files.notices().is_empty());
    let expected = ["x/r 1-images/r 1-p1-1.png", "x/r 1.docx", "x/r 1.epub", "x/r 1.html", "x/r 1.md"];
    assert_eq!(listing(folder), expected);
    assert_eq!(read(folder, "x/r 1.md"), "![](r%201-images/r%201-p1-1.png)\n\nBelow it.\n");
    assert!(read(folder, "x/r 1.html").contains("src=\"data:image/png;base64,iVBOR"));
    let picture = std::fs::read(folder.join(expected[0])).unwrap();
    let picture = image::load_from_memory(&picture).unwrap();
    assert_eq!((picture.width(), picture.height()), (42, 52), "cut out with a margin");
    for name in ["x/r 1.docx", "x/r 1.epub"] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let zip = zip::ZipArchive::new(io::Cursor::new(bytes)).unwrap();
        assert!(zip.file_names().any(|name| name.unwrap().ends_with("p1-1.png")), "{name}");
    }
    // Ours are replaced, those of others are not.
    std::fs::write(folder.join(expected[0]), "drawn by hand").unwrap();
    let error = with_images(folder, &formats).expect(&[Expected::file(Path::new("x/r 1.pnm"))]).unwrap_err();
    assert!(error.message.contains("r 1-p1-1.png"), "{}", error.message);
}

#[test]
fn without_the_document_there_are_no_pictures_and_that_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let document = crate::output::DocumentOptions { images: true, ..Default::default() };
    let options = OutputOptions { document, ..OutputOptions::default() };
    let formats = [OutputFormat::Markdown, OutputFormat::Html];
    let mut files = Files::per_document(folder.path(), &formats).unwrap().with_options(options);
    let two = crate::output::testing::document("r.pdf", 2);
    (1..=2).for_each(|number| files.write_page(&figure(&two, number)).unwrap());
    files.end_document(two.id, true).unwrap();
    let notices = files.notices();
    assert!(
        matches!(&notices[..], [Notice::Remark { message, .. }] if message.contains("figures are left out")),
        "{notices:?}"
    );
    assert_eq!(read(folder.path(), "r.md"), "Below it.\n\nBelow it.\n");
}
