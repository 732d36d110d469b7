//! Scans: pages of our own, rendered, and then treated as scanners and fax machines treat them.

use std::{io::Cursor, sync::Arc};

use image::{GrayImage, ImageFormat, Luma, codecs::jpeg::JpegEncoder, imageops};
use lopdf::dictionary;
use pagestream_documents::{OpenOptions, PageNumber, PixelFormat, RenderOptions, open};

use crate::pdf::{Page, Picture, Standing, write};

/// The page as pixels.
pub fn render(page: &Page, dpi: f32) -> GrayImage {
    let bytes = write(std::slice::from_ref(page), Standing::Plain);
    let source = open(Arc::new(bytes), &OpenOptions::default()).unwrap();
    let raster = source.render(PageNumber::FIRST, &RenderOptions { dpi, min_side: 1 }).unwrap();
    assert_eq!(raster.format, PixelFormat::Gray8, "what is drawn here has no colour");
    GrayImage::from_raw(raster.width, raster.height, raster.data).unwrap()
}

/// Black and white.
pub fn bilevel(image: &GrayImage) -> GrayImage {
    let mut image = image.clone();
    image.pixels_mut().for_each(|pixel| pixel.0[0] = if pixel.0[0] < 150 { 0 } else { 255 });
    image
}

/// Turned by so many degrees about its middle, against the clock, on paper that is as large as before.
pub fn askew(image: &GrayImage, degrees: f32) -> GrayImage {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (width, height) = image.dimensions();
    let (cx, cy) = (width as f32 / 2.0, height as f32 / 2.0);
    let at = |x: i64, y: i64| match (u32::try_from(x), u32::try_from(y)) {
        (Ok(x), Ok(y)) if x < width && y < height => f32::from(image.get_pixel(x, y).0[0]),
        _ => 255.0,
    };
    GrayImage::from_fn(width, height, |x, y| {
        let (dx, dy) = (x as f32 - cx, y as f32 - cy);
        let (u, v) = (cx + dx * cos - dy * sin, cy + dx * sin + dy * cos);
        let (left, top) = (u.floor(), v.floor());
        let (a, b) = (u - left, v - top);
        let (left, top) = (left as i64, top as i64);
        let upper = at(left, top) * (1.0 - a) + at(left + 1, top) * a;
        let lower = at(left, top + 1) * (1.0 - a) + at(left + 1, top + 1) * a;
        Luma([(upper * (1.0 - b) + lower * b).round() as u8])
    })
}

pub fn resized(image: &GrayImage, width: u32, height: u32) -> GrayImage {
    imageops::resize(image, width, height, imageops::FilterType::Triangle)
}

/// Lit from one side, with grain, a little out of focus: a photograph of the page.
pub fn photographed(image: &GrayImage) -> GrayImage {
    let mut photo = imageops::blur(image, 0.8);
    let (width, height) = (photo.width() as f32, photo.height() as f32);
    let mut state = 17_u32;
    for (x, y, pixel) in photo.enumerate_pixels_mut() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let light = 0.95 - 0.4 * (x as f32 / width) * (0.4 + 0.6 * y as f32 / height);
        let grain = (state >> 24) as f32 / 16.0 - 8.0;
        pixel.0[0] = (f32::from(pixel.0[0]) * light + grain).clamp(0.0, 255.0) as u8;
    }
    photo
}

/// As a file.
pub fn encode(image: &GrayImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    if format == ImageFormat::Gif {
        // GIF has palettes only.
        image::DynamicImage::from(image.clone()).to_rgba8().write_to(&mut bytes, format).unwrap();
    } else if matches!(format, ImageFormat::WebP | ImageFormat::Bmp) {
        image::DynamicImage::from(image.clone()).to_rgb8().write_to(&mut bytes, format).unwrap();
    } else {
        image.write_to(&mut bytes, format).unwrap();
    }
    bytes.into_inner()
}

pub fn jpeg(image: &GrayImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(image).unwrap();
    bytes
}

/// Bits, each row from a byte of its own; black is 0.
fn bits(image: &GrayImage) -> Vec<u8> {
    let row = |row: &[u8]| {
        let byte = |bits: &[u8]| {
            bits.iter().enumerate().fold(0_u8, |byte, (at, &value)| byte | u8::from(value >= 150) << (7 - at))
        };
        row.chunks(8).map(byte).collect::<Vec<u8>>()
    };
    image.as_raw().chunks(image.width() as usize).flat_map(row).collect()
}

/// How pixels stand in a PDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Gray,
    Jpeg,
    Bits,
    /// 1 is black, and `Decode` says so.
    Inverted,
    /// A mask that ink is drawn through.
    Mask,
    /// Two colours of a palette.
    Palette,
}

pub fn picture(image: &GrayImage, coding: Coding) -> Picture {
    let mut dict = dictionary! { "Width" => image.width(), "Height" => image.height() };
    let (bits_of_pixel, data) = match coding {
        Coding::Gray => (8, image.as_raw().clone()),
        Coding::Jpeg => (8, jpeg(image, 80)),
        Coding::Inverted => (1, bits(image).into_iter().map(|byte| !byte).collect()),
        Coding::Bits | Coding::Mask | Coding::Palette => (1, bits(image)),
    };
    dict.set("BitsPerComponent", bits_of_pixel);
    match coding {
        Coding::Mask => dict.set("ImageMask", true),
        Coding::Palette => {
            let table = lopdf::Object::String(vec![20, 20, 40, 250, 250, 245], lopdf::StringFormat::Hexadecimal);
            dict.set("ColorSpace", vec!["Indexed".into(), "DeviceRGB".into(), 1.into(), table]);
        }
        _ => dict.set("ColorSpace", "DeviceGray"),
    }
    if coding == Coding::Jpeg {
        dict.set("Filter", "DCTDecode");
    }
    if coding == Coding::Inverted {
        dict.set("Decode", vec![1.into(), 0.into()]);
    }
    Picture { dict, data }
}

/// Lays an image over a rectangle of the page, cut into `columns` x `rows` pieces.
pub fn lay(
    page: &mut Page,
    image: &GrayImage,
    coding: Coding,
    [x, y, width, height]: [f64; 4],
    [columns, rows]: [u32; 2],
) {
    let (w, h) = image.dimensions();
    let cut = |whole: u32, parts: u32, at: u32| whole * at / parts;
    for row in 0..rows {
        for column in 0..columns {
            let (left, right) = (cut(w, columns, column), cut(w, columns, column + 1));
            let (top, bottom) = (cut(h, rows, row), cut(h, rows, row + 1));
            let piece = imageops::crop_imm(image, left, top, right - left, bottom - top).to_image();
            let name = page.picture(picture(&piece, coding));
            let (sx, sy) = (width / f64::from(w), height / f64::from(h));
            page.raw(format!(
                "q {:.4} 0 0 {:.4} {:.4} {:.4} cm {name} Do Q\n",
                sx * f64::from(right - left),
                sy * f64::from(bottom - top),
                x + sx * f64::from(left),
                y + sy * f64::from(h - bottom),
            ));
        }
    }
}

/// PNG with pixels that are not square: so many to the inch each way.
pub fn png_of_resolution(image: &GrayImage, across: f64, down: f64) -> Vec<u8> {
    let mut png = encode(image, ImageFormat::Png);
    let per_metre = |dpi: f64| ((dpi / 0.0254).round() as u32).to_be_bytes();
    let chunk = [&b"pHYs"[..], &per_metre(across), &per_metre(down), &[1]].concat();
    let check = crc32(&chunk).to_be_bytes();
    let chunk = [&9_u32.to_be_bytes()[..], &chunk, &check].concat();
    // After the header, which is 8 + 25 bytes long.
    png.splice(33..33, chunk);
    png
}

/// ISO 3309, as PNG has it.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

/// JPEG with the densities of a JFIF header.
pub fn jpeg_of_resolution(image: &GrayImage, across: u16, down: u16) -> Vec<u8> {
    let mut jpeg = jpeg(image, 85);
    let at = jpeg.windows(5).position(|window| window == b"JFIF\0").unwrap();
    let [a, b] = across.to_be_bytes();
    let [c, d] = down.to_be_bytes();
    jpeg[at + 7..at + 12].copy_from_slice(&[1, a, b, c, d]);
    jpeg
}

/// TIFF, uncompressed or not.
pub fn tiff_of_resolution(image: &GrayImage, across: u32, down: u32) -> Vec<u8> {
    use tiff::encoder::{Compression, Rational, TiffEncoder, colortype};
    use tiff::tags::{ResolutionUnit, Tag};
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap().with_compression(Compression::Lzw);
    let mut file = encoder.new_image::<colortype::Gray8>(image.width(), image.height()).unwrap();
    file.resolution_unit(ResolutionUnit::Inch);
    file.encoder().write_tag(Tag::XResolution, Rational { n: across, d: 1 }).unwrap();
    file.encoder().write_tag(Tag::YResolution, Rational { n: down, d: 1 }).unwrap();
    file.write_data(image.as_raw()).unwrap();
    bytes.into_inner()
}
