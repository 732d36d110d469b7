//! A page from the strips or tiles that it is made of. What of them cannot be decoded stays white, and is counted.

use std::borrow::Cow;

use super::{
    codecs::decompress,
    directory::Directory,
    fax,
    header::{Header, compression, tag},
    jpegs::{self, Old},
    rows::Writing,
    samples::Samples,
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::ByteSize,
    input::{
        Limits,
        guard::{check_cost, one_line},
        jpeg,
    },
};

/// A page as far as it could be decoded.
pub(super) struct Page {
    /// In the format of the samples' meaning, row by row.
    pub(super) pixels: Vec<u8>,
    /// How many rows' worth of pixels are lost.
    pub(super) lost: u32,
    /// How many of the JPEGs that the page is made of end early, and are gray from there on.
    pub(super) early: usize,
    pub(super) parts: usize,
}

/// One strip or tile, decompressed.
struct Chunk<'a> {
    /// Of each channel one, where they are separate.
    planes: Vec<Cow<'a, [u8]>>,
    /// Bytes from one row to the next.
    stride: usize,
    /// Samples of eight bits, whatever the page says.
    is_converted: bool,
    /// Pixels across and down that there are.
    width: usize,
    rows: usize,
}

/// Rows in the making, kept from one to the next.
#[derive(Default)]
struct Scratch {
    /// Samples of eight bits, one pixel's after the other's.
    row: Vec<u8>,
    /// Of one channel.
    plane: Vec<u8>,
    pixels: Vec<u8>,
}

impl Chunk<'_> {
    /// Paints one row to its place on the page, which is as wide as both have pixels.
    fn paint(&self, y: usize, samples: &Samples, scratch: &mut Scratch, place: &mut [u8]) {
        let of_plane = |plane: usize| &self.planes[plane][y * self.stride..][..self.stride];
        if self.planes.len() == 1 && !self.is_converted && samples.straight(of_plane(0), place) {
            return;
        }
        let count = place.len() / samples.meaning.pixel_format().channels();
        let Scratch { row, plane, pixels } = scratch;
        row.clear();
        pixels.clear();
        let converted: &[u8] = if self.planes.len() > 1 {
            row.resize(count * samples.channels, 0);
            for channel in 0..samples.channels {
                plane.clear();
                if self.is_converted {
                    plane.extend_from_slice(&of_plane(channel)[..count]);
                } else {
                    samples.unpack(of_plane(channel), count, plane);
                }
                let places = row.iter_mut().skip(channel).step_by(samples.channels);
                places.zip(&*plane).for_each(|(place, &value)| *place = value);
            }
            row
        } else if self.is_converted {
            &of_plane(0)[..count * samples.channels]
        } else {
            samples.unpack(of_plane(0), count * samples.channels, row);
            row
        };
        samples.pixels(converted, pixels);
        place.copy_from_slice(pixels);
    }
}

/// # Errors
/// `Damaged` when not one row can be decoded, `UnsupportedFormat` and `TooLarge` for what the headers of its parts do not tell.
pub(super) fn decode(directory: &Directory<'_>, header: &mut Header, file: &[u8], limits: &Limits) -> Result<Page> {
    let old = if header.compression == compression::OLD_JPEG {
        match jpegs::assemble(directory, header, file)? {
            Old::Whole(stream) => {
                let chunks = &mut header.chunks;
                (chunks.width, chunks.height, chunks.across, chunks.down) = (header.width, header.height, 1, 1);
                vec![stream]
            }
            Old::Chunks(streams) => streams,
        }
    } else {
        Vec::new()
    };
    let source = Source {
        header,
        file,
        limits,
        fax: fax::Kind::of(directory, header.compression)?,
        tables: directory.bytes(tag::JPEG_TABLES),
        old,
        expected: usize::try_from(header.chunk_bytes()).unwrap_or(usize::MAX),
    };
    let Header { width, height, samples, chunks, .. } = &*header;
    let (width, height) = (*width as usize, *height as usize);
    let format = samples.meaning.pixel_format().channels();
    let mut page = Page { pixels: vec![255; width * height * format], lost: 0, early: 0, parts: 0 };
    let (mut found, mut failure) = (0, None);
    let mut scratch = Scratch::default();
    let each = u64::from(chunks.across) * u64::from(chunks.down);
    // Of those that the file knows nothing of, nothing is looked for: there may be one a pixel.
    let known = each.min(chunks.spans.len().max(source.old.len()) as u64) as u32;
    for index in 0..known {
        let x = (index % chunks.across) as usize * chunks.width as usize;
        let y = (index / chunks.across) as usize * chunks.height as usize;
        let (across, down) = (width.min(x + chunks.width as usize) - x, height.min(y + chunks.height as usize) - y);
        let chunk = match source.chunk(index, down, &mut page) {
            Ok(chunk) => chunk,
            Err(error) if error.kind == ErrorKind::Damaged => {
                failure = failure.or(Some(error));
                continue;
            }
            Err(error) => return Err(error),
        };
        let (there, complete) = (across.min(chunk.width), down.min(chunk.rows));
        found += there * complete;
        for y_in_chunk in 0..complete {
            let start = ((y + y_in_chunk) * width + x) * format;
            chunk.paint(y_in_chunk, samples, &mut scratch, &mut page.pixels[start..start + there * format]);
        }
    }
    if found == 0 {
        return Err(failure.unwrap_or_else(|| {
            Error::new(ErrorKind::Damaged, "not one row of the TIFF page can be decoded")
                .with_hint("the file may be cut off; get it again")
        }));
    }
    page.lost = (width * height - found).div_ceil(width) as u32;
    Ok(page)
}

/// Where chunks come from.
struct Source<'a> {
    header: &'a Header,
    file: &'a [u8],
    limits: &'a Limits,
    fax: fax::Kind,
    tables: Option<&'a [u8]>,
    /// JPEGs of the old form, put together.
    old: Vec<Vec<u8>>,
    expected: usize,
}

impl<'a> Source<'a> {
    /// The strip or tile of that number, of which `down` rows are on the page.
    fn chunk(&self, index: u32, down: usize, page: &mut Page) -> Result<Chunk<'a>> {
        let header = self.header;
        let planes = header.chunks.planes;
        let data = |plane| {
            header.chunks.bytes(self.file, plane, index).ok_or_else(|| {
                Error::new(ErrorKind::Damaged, "the TIFF page has strips that lie outside the file")
                    .with_hint("the file may be cut off; get it again")
            })
        };
        match header.compression {
            compression::JPEG | compression::OLD_JPEG => {
                let decoded: Vec<jpegs::Decoded> = (0..planes)
                    .map(|plane| {
                        let old = self.old.get(index as usize);
                        let stream = old.map_or_else(|| data(plane), |stream| Ok(&stream[..]))?;
                        page.parts += 1;
                        page.early += usize::from(jpeg::ends_early(stream));
                        let most = (header.chunks.width, header.chunks.height);
                        jpegs::decode(stream, self.tables, most, self.limits)
                    })
                    .collect::<Result<_>>()?;
                converted(decoded, header.samples.channels / planes)
            }
            compression::WEBP => {
                converted(vec![webp(data(0)?, header.samples.channels, self.limits)?], header.samples.channels)
            }
            _ if header.subsampling != (1, 1) => {
                let bytes = decompress(header, data(0)?, self.expected, &self.fax)?;
                Ok(with_colours(&self.undone(bytes), header))
            }
            _ => {
                let stride = header.row_bytes() as usize;
                let expected = stride * if header.chunks.across == 1 { down } else { header.chunks.height as usize };
                let planes: Vec<Cow<'a, [u8]>> = (0..planes)
                    .map(|plane| Ok(self.undone(decompress(header, data(plane)?, expected, &self.fax)?)))
                    .collect::<Result<_>>()?;
                let rows = planes.iter().map(|plane| plane.len() / stride).min().unwrap_or(0);
                Ok(Chunk { planes, stride, is_converted: false, width: header.chunks.width as usize, rows })
            }
        }
    }

    /// Differences added up, and the highest byte of each sample first.
    fn undone(&self, mut bytes: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
        let header = self.header;
        let has_differences =
            matches!(header.compression, compression::LZW | compression::DEFLATE | compression::OLD_DEFLATE);
        let depth = header.samples.depth;
        let writing = Writing {
            bytes: if depth.is_multiple_of(8) { usize::from(depth / 8) } else { 0 },
            channels: if header.chunks.planes > 1 { 1 } else { header.samples.channels },
            little_endian: header.little_endian,
            predictor: if has_differences { header.predictor } else { 1 },
        };
        if !writing.is_plain() {
            bytes.to_mut().chunks_exact_mut(header.row_bytes() as usize).for_each(|row| writing.undo(row));
        }
        bytes
    }
}

/// Samples of eight bits, of one plane or several. Of colours that have planes of their own, some may be smaller: their samples are shared.
fn converted<'a>(mut decoded: Vec<jpegs::Decoded>, channels: usize) -> Result<Chunk<'a>> {
    let width = decoded.iter().map(|plane| plane.width).max().unwrap_or(0);
    if width == 0 || decoded.iter().any(|plane| plane.channels != channels || plane.width == 0) {
        return Err(Error::new(
            ErrorKind::Damaged,
            "the pictures that the TIFF page is made of have other colours than it",
        ));
    }
    let stride = width * channels;
    if decoded.len() > 1 {
        let rows_of = |plane: &jpegs::Decoded| plane.data.len() / plane.width;
        let rows = decoded.iter().map(rows_of).max().unwrap_or(0);
        for plane in decoded.iter_mut().filter(|plane| plane.width < width && plane.data.len() >= plane.width) {
            let (across, down) = (plane.width, rows_of(plane));
            let from = |place: usize| (place / width * down / rows) * across + place % width * across / width;
            plane.data = (0..width * rows).map(|place| plane.data[from(place)]).collect();
        }
    }
    let rows = decoded.iter().map(|plane| plane.data.len() / stride).min().unwrap_or(0);
    let planes = decoded.into_iter().map(|plane| plane.data.into()).collect();
    Ok(Chunk { planes, stride, is_converted: true, width, rows })
}

fn webp(data: &[u8], channels: usize, limits: &Limits) -> Result<jpegs::Decoded> {
    let damaged = |error: image::ImageError| {
        let cause = one_line(&error.to_string());
        Error::new(ErrorKind::Damaged, format!("a WebP picture that the page is made of is damaged ({cause})"))
    };
    let decoder = image::codecs::webp::WebPDecoder::new(std::io::Cursor::new(data)).map_err(damaged)?;
    let (width, height) = image::ImageDecoder::dimensions(&decoder);
    check_cost(width.into(), height.into(), ByteSize(u64::from(width) * u64::from(height) * 8), limits)?;
    let pixels = image::DynamicImage::from_decoder(decoder).map_err(damaged)?;
    let data = if channels == 4 { pixels.into_rgba8().into_raw() } else { pixels.into_rgb8().into_raw() };
    Ok(jpegs::Decoded { width: width as usize, channels: channels.clamp(3, 4), data })
}

/// Units of lightnesses with one colour for all of them (TIFF 6.0, section 21) as samples of each pixel.
fn with_colours<'a>(bytes: &[u8], header: &Header) -> Chunk<'a> {
    let (across, down) = (header.subsampling.0 as usize, header.subsampling.1 as usize);
    let width = header.chunks.width as usize;
    let (unit, units) = (across * down + 2, width.div_ceil(across));
    let rows = bytes.len() / (unit * units) * down;
    let stride = width * 3;
    let mut out = vec![0; stride * rows];
    for (index, unit) in bytes.chunks_exact(unit).take(units * (rows / down)).enumerate() {
        let (x, y) = (index % units * across, index / units * down);
        let (lights, colours) = unit.split_at(across * down);
        for (i, &light) in lights.iter().enumerate().filter(|(i, _)| x + i % across < width) {
            let place = (y + i / across) * stride + (x + i % across) * 3;
            out[place..place + 3].copy_from_slice(&[light, colours[0], colours[1]]);
        }
    }
    Chunk { planes: vec![out.into()], stride, is_converted: true, width, rows }
}
