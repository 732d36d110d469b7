//! What a page costs: text layer, rendering, fax decoding. One thread, documents made here, so that anyone can run it.

use std::{hint::black_box, io::Cursor, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lopdf::{
    Document, Object, Stream,
    content::{Content, Operation},
    dictionary,
};
use pagestream_documents::{OpenOptions, PageNumber, PageSource, RenderOptions, open};

/// Pages of 45 lines with 75 letters, as a book has.
fn book(pages: usize) -> Vec<u8> {
    let mut document = Document::with_version("1.5");
    let root = document.new_object_id();
    let font = document.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Times-Roman" });
    let mut operations = vec![
        Operation::new("BT", vec![]),
        Operation::new("Tf", vec!["F1".into(), 11.into()]),
        Operation::new("TL", vec![15.into()]),
        Operation::new("Td", vec![72.into(), 770.into()]),
    ];
    for line in 0..45 {
        let words = "the quick brown fox jumps over the lazy dog and then over the quick cat";
        operations.push(Operation::new("Tj", vec![Object::string_literal(format!("{line} {words}"))]));
        operations.push(Operation::new("T*", vec![]));
    }
    operations.push(Operation::new("ET", vec![]));
    let content = Content { operations }.encode().expect("operations can be encoded");
    let kids: Vec<Object> = (0..pages)
        .map(|_| {
            let content = document.add_object(Stream::new(dictionary! {}, content.clone()));
            let page = dictionary! {
                "Type" => "Page", "Parent" => root, "Contents" => content,
                "Resources" => dictionary! { "Font" => dictionary! { "F1" => font } },
                "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
            };
            document.add_object(page).into()
        })
        .collect();
    document.objects.insert(root, dictionary! { "Type" => "Pages", "Count" => pages as i64, "Kids" => kids }.into());
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => root });
    document.trailer.set("Root", catalog);
    let mut out = Vec::new();
    document.save_to(&mut out).expect("memory can be written to");
    out
}

fn gray_tiff(width: u32, height: u32) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let pixels: Vec<u8> = (0..width * height).map(|i| (i / 7 % 251) as u8).collect();
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut out).expect("memory can be written to");
    encoder.write_image::<tiff::encoder::colortype::Gray8>(width, height, &pixels).expect("the pixels fit");
    out.into_inner()
}

fn source(bytes: Vec<u8>) -> Box<dyn PageSource> {
    open(Arc::new(bytes), &OpenOptions::default()).expect("the document is good")
}

fn pages(criterion: &mut Criterion) {
    const PAGES: u32 = 100;
    let bytes = book(PAGES as usize);
    let book = source(bytes.clone());
    let mut group = criterion.benchmark_group("page");
    group.throughput(Throughput::Elements(1)).sample_size(20);
    let mut numbers = (0..PAGES).map(PageNumber::from_index).cycle();
    let mut next = move || numbers.next().unwrap_or(PageNumber::FIRST);
    group.bench_function("text layer", |b| b.iter(|| black_box(book.text_layer(next()))));
    let options = RenderOptions::default();
    let book = source(bytes.clone());
    group.bench_function("render at 200 dpi", |b| b.iter(|| black_box(book.render(PageNumber::FIRST, &options))));
    let scan = source(gray_tiff(1_654, 2_339));
    group.bench_function("gray TIFF", |b| b.iter(|| black_box(scan.render(PageNumber::FIRST, &options))));
    group.finish();
    criterion.bench_function("open 100 pages", |b| b.iter(|| source(bytes.clone())));
}

criterion_group!(benches, pages);
criterion_main!(benches);
