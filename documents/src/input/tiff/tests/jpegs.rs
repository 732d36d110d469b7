//! Pages that are made of JPEGs, in the new form and in the old one.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use super::{
    ErrorKind,
    made::{Made, PART},
    pixels, refused,
};

fn picture() -> RgbImage {
    RgbImage::from_fn(32, 24, |x, y| Rgb([200 - 4 * x as u8, 40 + 5 * y as u8, 100 + 2 * x as u8]))
}

fn jpeg(picture: &DynamicImage) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, ImageFormat::Jpeg).unwrap();
    out.into_inner()
}

/// The segments as (marker, content), and where the data begin.
fn segments(jpeg: &[u8]) -> (Vec<(u8, &[u8])>, usize) {
    let (mut at, mut found) = (2, Vec::new());
    loop {
        let (marker, length) = (jpeg[at + 1], usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]])));
        found.push((marker, &jpeg[at + 4..at + 2 + length]));
        at += 2 + length;
        if marker == 0xda {
            return (found, at);
        }
    }
}

/// Quantisation tables, Huffman tables for DC and those for AC, as they were strewn over a file.
fn tables(jpeg: &[u8]) -> [Vec<Vec<u8>>; 3] {
    let mut all = [const { Vec::new() }; 3];
    for (marker, mut content) in segments(jpeg).0 {
        while let Some((&head, rest)) = content.split_first().filter(|_| matches!(marker, 0xdb | 0xc4)) {
            let counted = || rest[..16].iter().map(|&count| usize::from(count)).sum::<usize>();
            let (kind, length) = match marker {
                0xdb => (0, 64),
                _ if head >> 4 == 0 => (1, 16 + counted()),
                _ => (2, 16 + counted()),
            };
            all[kind].push(rest[..length].to_vec());
            content = &rest[length..];
        }
    }
    all
}

fn near(found: &[u8], expected: &[u8], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let worst = found.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst.is_some_and(|worst| worst < 16), "{what}: {worst:?}");
}

#[test]
fn a_jpeg_in_parts_is_put_together() {
    let picture = picture();
    let expected = picture.as_raw();
    let whole = jpeg(&picture.clone().into());
    let data = segments(&whole).1;
    let page = || Made::new(32, 24, 8, 6, 3).with(259, [6]).with(530, [1, 1]);
    let mut in_file = page().with(513, [PART]).with(514, [whole.len() as u64]).of(&[&whole[data..]]);
    in_file.parts = vec![whole.clone()];
    near(&pixels(&in_file), expected, "a JPEG in the file");
    let mut headers = page().with(513, [PART]).with(514, [data as u64]).of(&[&whole[data..]]);
    headers.parts = vec![whole[..data].to_vec()];
    near(&pixels(&headers), expected, "headers in the file");
    near(&pixels(&page().of(&[&whole])), expected, "a strip that is a JPEG");
    let strips: Vec<Vec<u8>> =
        [0, 8, 16].map(|top| jpeg(&image::imageops::crop_imm(&picture, 0, top, 32, 8).to_image().into())).to_vec();
    let strips_of =
        |from: &dyn Fn(&[u8]) -> usize| strips.iter().map(|strip| strip[from(strip)..].to_vec()).collect::<Vec<_>>();
    let mut full = page().with(278, [8]);
    full.chunks = strips_of(&|_| 0);
    near(&pixels(&full), expected, "strips that are JPEGs");
    near(&pixels(&full.clone().with(259, [7])), expected, "the new form");
    // Of a strip that is as high as the page, the first rows would do; one that is far higher is a bomb.
    let vast = jpeg(&RgbImage::new(32, 240).into());
    assert_eq!(refused(page().with(259, [7]).of(&[&vast]).file()).kind, ErrorKind::Damaged);
    let [quantisation, dc, ac] = tables(&whole);
    let mut strewn = page().with(278, [8]).with(512, [1]);
    strewn.chunks = strips_of(&|strip| segments(strip).1);
    let mut part = 0;
    for (tag, tables) in [(519, quantisation), (520, dc), (521, ac)] {
        let places: Vec<u64> = (0..tables.len() as u64).map(|n| PART + part + n).collect();
        part += places.len() as u64;
        strewn = strewn.with(tag, places);
        strewn.parts.extend(tables);
    }
    near(&pixels(&strewn), expected, "tables in the file");
}

#[test]
fn planes_of_jpegs_share_their_colours() {
    let ramp = image::GrayImage::from_fn(32, 16, |x, _| image::Luma([40 + 4 * x as u8]));
    let plane = |picture: image::GrayImage| jpeg(&picture.into());
    let neutral = plane(image::GrayImage::from_pixel(16, 8, image::Luma([128])));
    let page = Made::new(32, 16, 8, 6, 3).with(259, [7]).with(284, [2]).with(530, [2, 2]);
    let page = page.of(&[&plane(ramp.clone()), &neutral, &neutral]);
    let expected: Vec<u8> = ramp.as_raw().iter().flat_map(|&value| [value; 3]).collect();
    near(&pixels(&page), &expected, "planes of half the size");
}

/// Huffman codes of four bits for differences of up to eight bits, in the order of their lengths.
const CODES: [u8; 16 + 9] = [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];

/// A lossless JPEG of one component: each sample as its difference from the one before (ITU-T T.81, annex H).
fn lossless(rows: &[&[i32]], precision: u8) -> Vec<u8> {
    let (height, width) = (rows.len() as u8, rows[0].len() as u8);
    let mut out = vec![0xff, 0xd8, 0xff, 0xc3, 0, 11, precision, 0, height, 0, width, 1, 1, 0x11, 0];
    out.extend([0xff, 0xc4, 0, 2 + 17 + 9, 0]);
    out.extend(&CODES);
    out.extend([0xff, 0xda, 0, 8, 1, 1, 0, 1, 0, 0]);
    let mut bits = String::new();
    for (y, row) in rows.iter().enumerate() {
        for (x, &sample) in row.iter().enumerate() {
            let before = if x > 0 {
                row[x - 1]
            } else if y > 0 {
                rows[y - 1][0]
            } else {
                1 << (precision - 1)
            };
            let difference = sample - before;
            let size = 32 - difference.unsigned_abs().leading_zeros();
            let value = if difference < 0 { difference + (1 << size) - 1 } else { difference };
            bits += &format!("{size:04b}");
            bits += &(0..size).rev().map(|bit| if value >> bit & 1 == 1 { '1' } else { '0' }).collect::<String>();
        }
    }
    bits += &"1".repeat(bits.len().next_multiple_of(8) - bits.len());
    for byte in bits.as_bytes().chunks(8) {
        let byte = byte.iter().fold(0, |sum, &bit| sum << 1 | (bit - b'0'));
        out.extend(if byte == 0xff { vec![0xff, 0] } else { vec![byte] });
    }
    out.extend([0xff, 0xd9]);
    out
}

#[test]
fn lossless_jpegs_are_read_to_the_last_bit() {
    let rows: [&[i32]; 2] = [&[128, 130, 90, 91], &[120, 121, 60, 255]];
    let expected = rows.concat().iter().map(|&value| value as u8).collect::<Vec<u8>>();
    let stream = lossless(&rows, 8);
    assert_eq!(pixels(&Made::new(4, 2, 8, 1, 1).with(259, [7]).of(&[&stream])), expected);
    // Twelve bits are scaled to eight.
    let deep: [&[i32]; 1] = [&[2048, 2048 + 160, 2048 - 64]];
    let page = Made::new(3, 1, 12, 1, 1).with(259, [7]).of(&[&lossless(&deep, 12)]);
    assert_eq!(pixels(&page), [128, 137, 124]);
    // The old form, whose tables lie in the file.
    let mut strewn = Made::new(4, 2, 8, 1, 1).with(259, [6]).with(512, [14]).with(517, [1]).with(520, [PART]);
    strewn.parts = vec![CODES.to_vec()];
    strewn.chunks = vec![stream[segments(&stream).1..].to_vec()];
    assert_eq!(pixels(&strewn), expected);
}
