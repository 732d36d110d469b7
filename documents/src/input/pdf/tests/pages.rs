//! Who may read a document, and how large its pages are.

use std::sync::Arc;

use lopdf::{Object, StringFormat, dictionary};

use super::{Page, bytes, document, text};
use crate::{
    Raster,
    error::ErrorKind,
    ids::PageNumber,
    input::{OpenOptions, RenderOptions, open},
};

#[test]
fn a_document_of_which_only_the_attachments_are_encrypted_needs_no_password() {
    let with_filters = |version: i64, streams: Option<&str>, strings: Option<&str>| {
        let mut document = document(vec![Page { operations: text("open", 10, 10), ..Default::default() }]);
        let filter = dictionary! { "CFM" => "AESV2", "AuthEvent" => "EFOpen", "Length" => 16 };
        let mut encryption = dictionary! {
            "Filter" => "Standard", "V" => version, "R" => 4, "Length" => 128, "P" => -4,
            "O" => Object::String(vec![1; 32], StringFormat::Hexadecimal),
            "U" => Object::String(vec![2; 32], StringFormat::Hexadecimal),
            "CF" => dictionary! { "StdCF" => filter }, "EFF" => "StdCF",
        };
        for (key, name) in [("StmF", streams), ("StrF", strings)] {
            if let Some(name) = name {
                encryption.set(key, name);
            }
        }
        let id = document.add_object(encryption);
        document.trailer.set("Encrypt", id);
        bytes(document)
    };
    let read = |bytes: &[u8], password: Option<&str>| {
        let options = OpenOptions { password: password.map(str::to_owned), ..Default::default() };
        let source = open(Arc::new(bytes.to_vec()), &options).map_err(|error| error.kind)?;
        Ok(source.text_layer(PageNumber::FIRST).unwrap().unwrap().text.trim_end().to_owned())
    };
    let identity = Some("Identity");
    for bytes in [with_filters(4, identity, identity), with_filters(4, None, None), with_filters(5, identity, None)] {
        assert_eq!(read(&bytes, None), Ok("open".to_owned()));
        assert_eq!(read(&bytes, Some("the attachments'")), Ok("open".to_owned()));
        let behind_rubbish = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), bytes].concat();
        assert_eq!(read(&behind_rubbish, None), Ok("open".to_owned()));
    }
    for bytes in [
        with_filters(4, Some("StdCF"), identity),
        with_filters(4, identity, Some("StdCF")),
        with_filters(2, identity, identity),
    ] {
        assert_eq!(read(&bytes, None), Err(ErrorKind::Encrypted));
    }
}

#[test]
fn a_page_is_as_large_as_its_units_make_it() {
    let with_unit = |unit: Object| {
        let mut document = document(vec![Page { operations: text("Hello", 100, 50), ..Default::default() }]);
        let page = document.get_pages()[&1];
        document.get_dictionary_mut(page).unwrap().set("UserUnit", unit);
        open(Arc::new(bytes(document)), &OpenOptions::default()).unwrap()
    };
    let options = RenderOptions { dpi: 72.0, min_side: 100 };
    let plain = with_unit(1.into()).render(PageNumber::FIRST, &options).unwrap();
    let doubled = with_unit(2.into());
    let layer = doubled.text_layer(PageNumber::FIRST).unwrap().unwrap();
    assert_eq!((layer.width, layer.height), (800, 400));
    for polygon in [layer.lines[0].polygon, layer.lines[0].words[0].polygon, layer.blocks[0].polygon] {
        let bounds = polygon.bounds();
        assert!((bounds.left - 200.0).abs() < 1.0 && (bounds.right - 320.0).abs() < 1.0, "{bounds:?}");
    }
    let raster = doubled.render(PageNumber::FIRST, &options).unwrap();
    assert_eq!((raster.width, raster.height, raster.dpi), (800, 400, 72.0));
    // What is black of the letters lies in the same parts of the page.
    let ink = |raster: &Raster| {
        let dark = |x: u32| (0..raster.height).any(|y| raster.data[(y * raster.width + x) as usize] < 128);
        let columns: Vec<u32> = (0..raster.width).filter(|&x| dark(x)).collect();
        [columns[0], columns[columns.len() - 1]].map(|x| x as f32 / raster.width as f32)
    };
    assert!(ink(&plain).iter().zip(ink(&raster)).all(|(a, b)| (a - b).abs() < 0.01));
    let at_most = doubled.page_info(PageNumber::FIRST, &RenderOptions { dpi: 200.0, min_side: 100 }).unwrap();
    assert_eq!((at_most.width, at_most.height), (2_222, 1_111));
    for impossible in [Object::from(0), Object::from(-3), Object::Real(f32::NAN), Object::Name(b"two".to_vec())] {
        let info = with_unit(impossible).page_info(PageNumber::FIRST, &options).unwrap();
        assert_eq!((info.width, info.height), (400, 200));
    }
    // So large that it could not be read within the limit.
    let error = with_unit(1_000_000.into()).page_info(PageNumber::FIRST, &options).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge);
}

#[test]
fn boxes_and_turns_are_found_where_they_are_and_put_right() {
    let with = |set: &dyn Fn(&mut lopdf::Dictionary, &mut lopdf::Dictionary)| {
        let operations = [text("inside", 100, 50), text("outside", 300, 150)].concat();
        let mut document = document(vec![Page { operations, ..Default::default() }]);
        let page = document.get_pages()[&1];
        let mut dict = document.get_dictionary(page).unwrap().clone();
        let root = dict.get(b"Parent").unwrap().as_reference().unwrap();
        let mut parent = document.get_dictionary(root).unwrap().clone();
        dict.remove(b"Rotate");
        set(&mut dict, &mut parent);
        document.objects.insert(page, dict.into());
        document.objects.insert(root, parent.into());
        let source = open(Arc::new(bytes(document)), &OpenOptions::default()).unwrap();
        let layer = source.text_layer(PageNumber::FIRST).unwrap().unwrap();
        let info = source.page_info(PageNumber::FIRST, &RenderOptions { dpi: 72.0, min_side: 10 }).unwrap();
        assert_eq!((info.width, info.height), (layer.width, layer.height));
        (layer.width, layer.height, layer.text.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let all = || "outside inside".to_owned();
    let numbers = |numbers: [i64; 4]| Object::from(numbers.map(Object::from).to_vec());
    let inherited = with(&|page, parent| {
        page.remove(b"MediaBox");
        parent.set("MediaBox", numbers([0, 0, 500, 300]));
        parent.set("Rotate", 90);
    });
    assert_eq!((inherited.0, inherited.1), (300, 500));
    assert_eq!(with(&|page, _| page.set("Rotate", -270)).0, 200);
    assert_eq!(with(&|page, _| page.set("CropBox", numbers([-500, -500, 900, 900]))), (400, 200, all()));
    assert_eq!(with(&|page, _| page.set("MediaBox", numbers([400, 200, 0, 0]))), (400, 200, all()));
    assert_eq!(with(&|page, _| page.set("MediaBox", numbers([-100, -50, 400, 200]))), (500, 250, all()));
    // What lies outside the crop box is not on the page; what begins outside it is, as far as it is inside.
    let cropped = with(&|page, _| page.set("CropBox", numbers([290, 100, 90, 40])));
    assert_eq!(cropped, (200, 60, "inside".to_owned()));
    let cut = with(&|page, _| page.set("CropBox", numbers([124, 0, 320, 200])));
    assert_eq!(cut, (196, 200, "ou side".to_owned()));
}
