//! TIFFs made here, read through [`open`]. What they should look like is what libtiff makes of files of the same kind.

mod jpegs;
mod made;

use std::{io::Cursor, sync::Arc};

use tiff::encoder::{TiffEncoder, colortype};
use weezl::BitOrder;

use self::made::{Made, Written, document};
use super::*;
use crate::{
    PixelFormat,
    input::{OpenOptions, open},
};

fn source(bytes: Vec<u8>) -> Box<dyn PageSource> {
    let source = open(Arc::new(bytes), &OpenOptions::default()).unwrap();
    assert_eq!(source.kind(), FileKind::Tiff);
    source
}

fn pages(bytes: Vec<u8>) -> Vec<Raster> {
    let source = source(bytes);
    let options = RenderOptions::default();
    let page = |index| {
        let page = PageNumber::from_index(index);
        let info = source.page_info(page, &options).unwrap();
        let raster = source.render(page, &options).unwrap();
        assert_eq!((info.width, info.height, info.format), (raster.width, raster.height, raster.format));
        assert!(info.cost >= raster.byte_size());
        assert_eq!(source.damage(page), None);
        raster
    };
    (0..source.page_count()).map(page).collect()
}

/// The pixels of the only page.
fn pixels(made: &Made) -> Vec<u8> {
    let mut pages = pages(made.file());
    assert_eq!(pages.len(), 1);
    pages.remove(0).data
}

fn refused(bytes: Vec<u8>) -> Error {
    let source = source(bytes);
    let refused = source.page_info(PageNumber::FIRST, &RenderOptions::default()).err();
    let error = refused.unwrap_or_else(|| source.render(PageNumber::FIRST, &RenderOptions::default()).unwrap_err());
    assert_eq!(error.page, Some(PageNumber::FIRST));
    error
}

#[test]
fn pages_of_many_kinds_in_one_file_are_each_decoded_alone() {
    let mut out = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut out).unwrap();
    encoder.write_image::<colortype::Gray8>(2, 1, &[0, 255]).unwrap();
    encoder.write_image::<colortype::RGB8>(1, 2, &[1, 2, 3, 4, 5, 6]).unwrap();
    encoder.write_image::<colortype::RGBA8>(2, 1, &[9, 9, 9, 255, 9, 9, 9, 0]).unwrap();
    encoder.write_image::<colortype::Gray16>(1, 1, &[0x8000]).unwrap();
    encoder.write_image::<colortype::CMYK8>(1, 1, &[0, 0, 0, 255]).unwrap();
    encoder.write_image::<colortype::Gray32Float>(2, 1, &[0.0, 1.0]).unwrap();
    let pages = pages(out.into_inner());
    let data: Vec<&[u8]> = pages.iter().map(|page| &page.data[..]).collect();
    assert_eq!(data, [&[0, 255][..], &[1, 2, 3, 4, 5, 6], &[9, 9, 9, 255, 255, 255], &[0x80], &[0, 0, 0], &[0, 255]]);
}

/// The same pixels in each compression, with the bits of the compressed bytes in either order.
#[test]
fn bits_from_the_low_end_are_turned_whatever_the_compression() {
    let rows = [0b0011_0101, 0b1100_0000, 0b0000_0001, 0b1000_0000];
    let deflate = |data: &[u8]| {
        let mut out = Vec::with_capacity(100);
        let mut packer = flate2::Compress::new(flate2::Compression::default(), true);
        packer.compress_vec(data, &mut out, flate2::FlushCompress::Finish).unwrap();
        out
    };
    let lzw = |data: &[u8]| weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8).encode(data).unwrap();
    let expected: Vec<u8> = [0b0011_0101_1100_u16, 0b0000_0001_1000]
        .iter()
        .flat_map(|row| (0..12).map(move |bit| if row >> (11 - bit) & 1 == 1 { 255 } else { 0 }))
        .collect();
    for (compression, strip) in [
        (1, rows.to_vec()),
        (32_773, [&[3][..], &rows].concat()),
        (5, lzw(&rows)),
        (8, deflate(&rows)),
        (32_946, deflate(&rows)),
    ] {
        let page = Made::new(12, 2, 1, 1, 1).with(259, [compression]);
        assert_eq!(pixels(&page.clone().of(&[&strip])), expected, "{compression}");
        let turned: Vec<u8> = strip.iter().map(|byte| byte.reverse_bits()).collect();
        assert_eq!(pixels(&page.with(266, [2]).of(&[&turned])), expected, "{compression}, from the low end");
    }
    // Eight bits a sample are turned as well.
    let gray = Made::new(2, 1, 8, 1, 1).with(266, [2]).of(&[&[0b0000_0011, 0x80]]);
    assert_eq!(pixels(&gray), [0b1100_0000, 1]);
    // Three white and five black: in two dimensions after a white line, and in one (ITU-T T.4, T.6).
    let black = vec![255, 255, 255, 0, 0, 0, 0, 0];
    for (compression, strip) in [(4, [0b0011_0000, 0b0110_0000]), (3, [0b1000_0011, 0]), (2, [0b1000_0011, 0])] {
        let page = Made::new(8, 1, 1, 0, 1).with(259, [compression]);
        assert_eq!(pixels(&page.clone().of(&[&strip])), black, "{compression}");
        let turned = strip.map(u8::reverse_bits);
        assert_eq!(pixels(&page.clone().with(266, [2]).of(&[&turned])), black, "{compression}, from the low end");
        let inverted: Vec<u8> = black.iter().map(|value| 255 - value).collect();
        assert_eq!(pixels(&page.with(262, [1]).of(&[&strip])), inverted, "{compression}, black is zero");
    }
}

#[test]
fn planes_are_put_together() {
    let planes = |made: Made, planes: &[&[u8]]| pixels(&made.with(284, [2]).of(planes));
    assert_eq!(planes(Made::new(2, 1, 8, 2, 3), &[&[1, 2], &[3, 4], &[5, 6]]), [1, 3, 5, 2, 4, 6]);
    assert_eq!(planes(Made::new(1, 1, 16, 2, 3), &[&[0, 1], &[0, 3], &[0, 5]]), [1, 3, 5]);
    assert_eq!(planes(Made::new(2, 1, 8, 5, 4), &[&[255, 0], &[0, 0], &[0, 0], &[0, 255]]), [0, 255, 255, 0, 0, 0]);
    assert_eq!(planes(Made::new(2, 1, 1, 2, 3), &[&[0x80], &[0x40], &[0xc0]]), [255, 0, 255, 0, 255, 255]);
    assert_eq!(planes(Made::new(2, 1, 1, 5, 4), &[&[0x80], &[0], &[0], &[0x40]]), [0, 255, 255, 0, 0, 0]);
    // Of separate strips, those of the first plane come first.
    let strips = Made::new(1, 2, 8, 2, 3).with(278, [1]);
    assert_eq!(planes(strips, &[&[1], &[2], &[3], &[4], &[5], &[6]]), [1, 3, 5, 2, 4, 6]);
    let transparent = Made::new(2, 1, 8, 2, 4).with(338, [2]);
    assert_eq!(planes(transparent, &[&[9, 9], &[9, 9], &[9, 9], &[255, 0]]), [9, 9, 9, 255, 255, 255]);
}

#[test]
fn palettes_of_every_depth_have_their_colours() {
    let map = |depth: u32, scale: u64| {
        let colors = 1 << depth;
        let ramp = |third: u64| (0..colors).map(move |index| (index * 7 + third * 50) % 256 * scale);
        (0..3).flat_map(ramp).collect::<Vec<u64>>()
    };
    let expected = |index: u64| [index * 7 % 256, (index * 7 + 50) % 256, (index * 7 + 100) % 256].map(|v| v as u8);
    for (depth, strip, indices) in
        [(1, [0b0100_0000, 0], [0, 1]), (2, [0b1101_0000, 0], [3, 1]), (4, [0xe5, 0], [14, 5]), (8, [200, 7], [200, 7])]
    {
        let colors: Vec<u8> = indices.iter().flat_map(|&index| expected(index)).collect();
        // Some writers have eight bits where sixteen belong.
        for scale in [257, 1] {
            let page = Made::new(2, 1, depth.into(), 3, 1).with(320, map(depth, scale));
            assert_eq!(pixels(&page.of(&[&strip])), colors, "{depth} bits, {scale}");
        }
    }
    let gray = Made::new(2, 1, 1, 3, 1).with(320, [0, 0x8000, 0, 0x8000, 0, 0x8000]).of(&[&[0x40]]);
    let page = pages(gray.file()).remove(0);
    assert_eq!((page.format, page.data), (PixelFormat::Gray8, vec![0, 0x80]));
}

#[test]
fn transparency_is_on_white_multiplied_or_not() {
    for (kind, expected) in [(1, [177, 155, 227]), (2, [152, 141, 177])] {
        let page = Made::new(1, 1, 8, 2, 4).with(338, [kind]).of(&[&[50, 28, 100, 128]]);
        assert_eq!(pixels(&page), expected, "{kind}");
    }
    assert_eq!(pixels(&Made::new(1, 1, 8, 2, 4).with(338, [0]).of(&[&[50, 28, 100, 128]])), [50, 28, 100]);
    assert_eq!(pixels(&Made::new(2, 1, 8, 1, 2).with(338, [2]).of(&[&[0, 255, 0, 0]])), [0, 255]);
    // White is zero, but not of transparency.
    assert_eq!(pixels(&Made::new(2, 1, 8, 0, 2).with(338, [2]).of(&[&[255, 255, 255, 0]])), [0, 255]);
    for (kind, expected) in [(1, [128, 255, 255]), (2, [191, 255, 255])] {
        let inks = Made::new(1, 1, 8, 5, 5).with(338, [kind]).of(&[&[127, 0, 0, 0, 128]]);
        assert_eq!(pixels(&inks), expected, "inks, {kind}");
    }
    // The transparency after another sample.
    let behind = Made::new(1, 1, 8, 2, 5).with(338, [0, 2]).of(&[&[9, 9, 9, 77, 0]]);
    assert_eq!(pixels(&behind), [255; 3]);
}

#[test]
fn white_is_zero_in_every_depth_and_orientations_are_followed() {
    for (bits, strip, expected) in
        [(1, [0x80, 0], [0, 255]), (2, [0b1100_0000, 0], [0, 255]), (4, [0xf0, 0], [0, 255]), (8, [250, 5], [5, 250])]
    {
        assert_eq!(pixels(&Made::new(2, 1, bits, 0, 1).of(&[&strip])), expected, "{bits}");
    }
    assert_eq!(pixels(&Made::new(1, 1, 16, 0, 1).of(&[&[0xff, 0xf0]])), [0x0f]);
    for orientation in 1..=8 {
        let page = pages(Made::new(2, 1, 8, 1, 1).with(274, [orientation]).of(&[&[1, 2]]).file()).remove(0);
        let (size, turned) = match orientation {
            1 | 4 => ((2, 1), [1, 2]),
            2 | 3 => ((2, 1), [2, 1]),
            5 | 6 => ((1, 2), [1, 2]),
            _ => ((1, 2), [2, 1]),
        };
        assert_eq!(((page.width, page.height), &page.data[..]), (size, &turned[..]), "{orientation}");
    }
}

#[test]
fn colours_that_pixels_share_are_given_to_each() {
    // Four lightnesses and one colour, which is gray; a page of three by three pixels has units of which parts lie outside.
    let unit = |lights: [u8; 4]| [&lights[..], &[128, 128]].concat();
    let strip = [unit([10, 20, 40, 50]), unit([30, 0, 60, 0]), unit([70, 80, 0, 0]), unit([90, 0, 0, 0])].concat();
    let page = Made::new(3, 3, 8, 6, 3).with(530, [2, 2]);
    let expected: Vec<u8> = (1..=9).flat_map(|n| [n * 10; 3]).collect();
    assert_eq!(pixels(&page.clone().of(&[&strip])), expected);
    let whole = Made::new(2, 1, 8, 6, 3).with(530, [1, 1]).of(&[&[9, 128, 128, 8, 128, 128]]);
    assert_eq!(pixels(&whole), [9, 9, 9, 8, 8, 8]);
    let impossible = refused(page.with(530, [3, 2]).of(&[&strip]).file());
    assert_eq!(impossible.kind, ErrorKind::Damaged);
}

#[test]
fn lightness_and_colour_of_print_are_seen() {
    let near = |made: Made, strip: &[u8], expected: [u8; 3]| {
        let found = pixels(&made.of(&[strip]));
        assert!(found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 3), "{found:?}, not {expected:?}");
    };
    near(Made::new(1, 1, 8, 8, 3), &[255, 0, 0], [255; 3]);
    near(Made::new(1, 1, 8, 8, 3), &[138, 81, 70], [255, 0, 0]);
    near(Made::new(1, 1, 8, 8, 3).with(339, [1, 2, 2]), &[138, 81, 70], [255, 0, 0]);
    near(Made::new(1, 1, 8, 9, 3), &[138, 128 + 81, 128 + 70], [255, 0, 0]);
    near(Made::new(1, 1, 16, 8, 3), &[0, 138, 0, 81, 0, 70], [255, 0, 0]);
    near(Made::new(1, 1, 8, 10, 3), &[255, 128, 96], [255; 3]);
}

#[test]
fn tiles_and_every_kind_of_file_hold_the_same_page() {
    let at = |x: u64, y: u64| (x * 9 + y * 5) as u8;
    let expected: Vec<u8> = (0..10).flat_map(|y| (0..20).map(move |x| at(x, y))).collect();
    let tile = |left: u64| (0..16).flat_map(|y| (0..16).map(move |x| at(left + x, y))).collect::<Vec<u8>>();
    let tiled = Made::new(20, 10, 8, 1, 1).with(322, [16]).with(323, [16]).of(&[&tile(0), &tile(16)]);
    let strips = Made::new(20, 10, 8, 1, 1).with(278, [4]).of(&[&expected[..80], &expected[80..160], &expected[160..]]);
    // Strips whose lengths are not told.
    let mut silent = strips.clone();
    silent.chunks = vec![expected.clone()];
    let silent = silent.with(278, [10]).with(279, [0]);
    for big in [false, true] {
        for big_endian in [false, true] {
            for page in pages(document(&[tiled.clone(), strips.clone(), silent.clone()], Written { big_endian, big })) {
                assert_eq!(page.data, expected);
            }
        }
    }
    let wide = Made::new(1, 1, 16, 1, 1).of(&[&[0x12, 0x34]]);
    let [little, big] = [false, true].map(|big_endian| Written { big_endian, big: false });
    assert_eq!(pages(document(std::slice::from_ref(&wide), little))[0].data, [0x34]);
    assert_eq!(pages(document(&[wide], big))[0].data, [0x12]);
}

#[test]
fn previews_and_masks_are_no_pages() {
    let page = |side: u64, kind: u64, value: u8| {
        Made::new(side, side, 8, 1, 1).with(254, [kind]).of(&[&vec![value; (side * side) as usize]])
    };
    let values = |made: &[Made]| -> Vec<u8> {
        pages(document(made, Written::default())).iter().map(|page| page.data[0]).collect()
    };
    let with_previews = [page(8, 0, 1), page(2, 1, 2), page(8, 2, 3), page(2, 1, 4), page(8, 4, 5)];
    assert_eq!(values(&with_previews), [1, 3]);
    assert_eq!(values(&[page(2, 1, 2), page(8, 0, 1)]), [1], "the preview may come first");
    assert_eq!(values(&[page(8, 1, 1), page(8, 1, 2)]), [1, 2], "some programs call every page one");
    assert_eq!(values(&[page(8, 0, 1), page(8, 1, 2)]), [1, 2], "and some all but the first");
    assert_eq!(values(&[page(8, 4, 1)]), [1], "better a mask than nothing");
}

#[test]
fn what_cannot_be_decoded_stays_white_and_is_told() {
    let made = Made::new(2, 4, 8, 1, 1).with(278, [2]).of(&[&[1, 2, 3, 4], &[5, 6]]);
    let source = source(made.file());
    let page = source.render(PageNumber::FIRST, &RenderOptions::default()).unwrap();
    assert_eq!(page.data, [1, 2, 3, 4, 5, 6, 255, 255]);
    assert!(source.damage(PageNumber::FIRST).unwrap().starts_with("1 of 4 rows of the page cannot be decoded"));
    let nothing = Made::new(600, 600, 8, 1, 1).of(&[&[0]]);
    assert_eq!(refused(nothing.file()).kind, ErrorKind::Damaged);
    let outside = Made::new(2, 1, 8, 1, 1).with(273, [1 << 30]).of(&[]);
    assert_eq!(refused(outside.file()).kind, ErrorKind::Damaged);
    // Sizes that the tags lack are damage, too.
    for missing in [256, 257] {
        let mut made = Made::new(2, 1, 8, 1, 1).of(&[&[1, 2]]);
        made.tags.retain(|(tag, _)| *tag != missing);
        assert_eq!(refused(made.file()).kind, ErrorKind::Damaged);
    }
}

#[test]
fn what_is_not_read_is_refused_before_anything_is_allocated() {
    let page = |width, height| Made::new(width, height, 8, 1, 1).of(&[&[0]]);
    for (made, kind) in [
        (page(60_000, 60_000), ErrorKind::TooLarge),
        (page(8, 8).with(322, [1 << 31]).with(323, [1 << 31]), ErrorKind::TooLarge),
        (page(8, 8).with(277, [60_000]), ErrorKind::UnsupportedFormat),
        (page(8, 8).with(322, [0]).with(323, [16]), ErrorKind::Damaged),
        (page(8, 8).with(259, [50_000]), ErrorKind::UnsupportedFormat),
        (page(8, 8).with(258, [5, 6, 5]).with(277, [3]), ErrorKind::UnsupportedFormat),
        (page(8, 8).with(262, [2]), ErrorKind::Damaged),
        (page(8, 8).with(262, [3]).with(320, [1, 2, 3]), ErrorKind::UnsupportedFormat),
        (page(8, 8).with(259, [4]), ErrorKind::Damaged),
    ] {
        let error = refused(made.file());
        assert_eq!(error.kind, kind, "{error}");
    }
}
