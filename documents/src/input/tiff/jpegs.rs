//! Strips and tiles that are JPEGs (TIFF technical note 2), and the old form in which their parts are strewn over the file (TIFF 6.0,
//! section 22).

use std::borrow::Cow;

use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, options::DecoderOptions},
};

use super::{
    directory::Directory,
    header::{Header, tag},
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::ByteSize,
    input::{
        Limits,
        guard::{check_cost, one_line},
        jpeg::{self, Frame},
    },
};

const START: [u8; 2] = [0xff, 0xd8];
const END: [u8; 2] = [0xff, 0xd9];

/// Samples of eight bits as they were coded, one pixel's after the other's: no colours are converted.
pub(super) struct Decoded {
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) data: Vec<u8>,
}

fn damaged(cause: impl std::fmt::Display) -> Error {
    let cause = one_line(&cause.to_string());
    Error::new(ErrorKind::Damaged, format!("a JPEG that the page is made of is damaged ({cause})"))
        .with_hint("the file may be cut off; get it again")
}

/// By how many pixels a JPEG may be larger than its place: it is made of whole blocks, of up to 32 pixels with shared colours.
const OVERHANG: u32 = 64;

/// Decodes one JPEG, with the tables that it shares with others, for a place of so many pixels across and down.
///
/// # Errors
/// `Damaged`, `TooLarge` or, for one that no decoder knows, `UnsupportedFormat`.
pub(super) fn decode(bytes: &[u8], tables: Option<&[u8]>, place: (u32, u32), limits: &Limits) -> Result<Decoded> {
    let bytes = joined(bytes, tables);
    let bytes = jpeg::with_lines(&bytes);
    let frame = Frame::of(&bytes).ok_or_else(|| damaged("it has no frame"))?;
    if let Some(refusal) = frame.refusal() {
        return Err(refusal);
    }
    if !matches!(frame.components, 1 | 3 | 4) {
        let what = format!("a JPEG of {} components is not supported", frame.components);
        return Err(Error::new(ErrorKind::UnsupportedFormat, what).with_hint("save it with LZW or deflate compression"));
    }
    if u32::from(frame.width) > place.0.saturating_add(OVERHANG)
        || u32::from(frame.height) > place.1.saturating_add(OVERHANG)
    {
        return Err(damaged("it is larger than its place"));
    }
    let (width, height) = (u64::from(frame.width), u64::from(frame.height));
    let samples = width * height * u64::from(frame.components);
    // Coefficients of two bytes each, the samples and what is made of them.
    check_cost(width, height, ByteSize(samples * 4), limits)?;
    let data = if frame.process == jpeg::LOSSLESS { lossless(&bytes, &frame)? } else { lossy(&bytes)? };
    if data.len() as u64 != samples {
        return Err(damaged(format_args!("{} samples instead of {samples}", data.len())));
    }
    Ok(Decoded { width: frame.width.into(), channels: frame.components.into(), data })
}

/// A strip with the tables that it shares with others.
fn joined<'a>(bytes: &'a [u8], tables: Option<&[u8]>) -> Cow<'a, [u8]> {
    match tables {
        // Both begin and end as a JPEG does.
        Some(tables) if tables.len() > 4 => {
            let parts = [tables.strip_suffix(&END).unwrap_or(tables), bytes.strip_prefix(&START).unwrap_or(bytes)];
            Cow::Owned(parts.concat())
        }
        _ => Cow::Borrowed(bytes),
    }
}

/// The same, where it is a JPEG that every decoder reads.
pub(super) fn whole<'a>(bytes: &'a [u8], tables: Option<&[u8]>) -> Option<Cow<'a, [u8]>> {
    let bytes = joined(bytes, tables);
    let frame = Frame::of(&bytes)?;
    (frame.process <= 2 && frame.precision == 8 && frame.height > 0).then_some(bytes)
}

fn lossy(bytes: &[u8]) -> Result<Vec<u8>> {
    let options = DecoderOptions::default().set_max_width(u16::MAX.into()).set_max_height(u16::MAX.into());
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    if let Some(space) = decoder.input_colorspace() {
        decoder.set_options(options.jpeg_set_out_colorspace(space));
    }
    decoder.decode().map_err(damaged)
}

fn lossless(bytes: &[u8], frame: &Frame) -> Result<Vec<u8>> {
    let samples = jpeg_decoder::Decoder::new(bytes).decode().map_err(|error| match error {
        jpeg_decoder::Error::Unsupported(what) => {
            Error::new(ErrorKind::UnsupportedFormat, format!("this kind of lossless JPEG is not supported ({what:?})"))
                .with_hint("save it with LZW or deflate compression")
        }
        cause => damaged(cause),
    })?;
    Ok(if frame.precision == 8 { samples } else { jpeg::in_eight_bits(&samples, frame.precision) })
}

/// A page of the old form, put together.
pub(super) enum Old {
    /// One JPEG of the whole page.
    Whole(Vec<u8>),
    /// One for each strip or tile.
    Chunks(Vec<Vec<u8>>),
}

/// Puts the JPEGs together of a page in the old form. Three kinds are written: strips that are JPEGs, a JPEG that lies somewhere in the
/// file and may end after its headers, and tables that are strewn over it.
pub(super) fn assemble(directory: &Directory<'_>, header: &Header, file: &[u8]) -> Result<Old> {
    let each = header.chunks.across * header.chunks.down;
    let strips = || (0..each).map(|index| header.chunks.bytes(file, 0, index).unwrap_or_default());
    if strips().next().is_some_and(|strip| strip.starts_with(&START)) {
        return Ok(Old::Chunks(strips().map(<[u8]>::to_vec).collect()));
    }
    let part = |at: u64, length: u64| {
        let at = usize::try_from(at).unwrap_or(usize::MAX).min(file.len());
        &file[at..at.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(file.len())]
    };
    let whole = directory
        .number(tag::JPEG_OFFSET)
        .filter(|&at| at > 0)
        .map(|at| part(at, directory.number(tag::JPEG_LENGTH).filter(|&length| length > 0).unwrap_or(u64::MAX)));
    if let Some(whole) = whole.filter(|whole| whole.starts_with(&START)) {
        let is_page = Frame::of(whole).is_some_and(|frame| u32::from(frame.height) >= header.height);
        if is_page && !jpeg::ends_early(whole) {
            return Ok(Old::Whole(whole.to_vec()));
        }
        if let Some(headers) = jpeg::headers(whole) {
            let rows = |index: u32| {
                header.chunks.height.min(header.height - index / header.chunks.across * header.chunks.height)
            };
            return Ok(Old::Chunks(
                strips()
                    .zip(0..)
                    .map(|(strip, index)| stream(&jpeg::with_height(headers, rows(index) as u16), strip))
                    .collect(),
            ));
        }
    }
    let headers = Headers::of(directory, header, &part)?;
    let rows =
        |index: u32| header.chunks.height.min(header.height - index / header.chunks.across * header.chunks.height);
    Ok(Old::Chunks(
        strips().zip(0..).map(|(strip, index)| stream(&headers.written(header, rows(index)), strip)).collect(),
    ))
}

fn stream(headers: &[u8], data: &[u8]) -> Vec<u8> {
    // Some writers end each strip as a JPEG ends, and some with a mark to begin anew.
    [headers, data.strip_suffix(&END).unwrap_or(data), &END].concat()
}

/// What stands before the data of a JPEG, from tables that lie somewhere in the file.
struct Headers {
    tables: Vec<u8>,
    /// How many there are for quantisation, and of Huffman codes for DC and for AC.
    counts: [u8; 3],
    /// Of lossless coding, how samples are predicted.
    predictor: Option<u8>,
    restart_interval: u16,
}

impl Headers {
    fn of<'a>(directory: &Directory<'_>, header: &Header, part: &impl Fn(u64, u64) -> &'a [u8]) -> Result<Self> {
        let is_lossless = directory.number(tag::JPEG_PROCESS) == Some(14);
        let mut tables = Vec::new();
        let mut counts = [1; 3];
        let mut segment = |marker: u8, content: &[u8]| {
            tables.extend([0xff, marker]);
            tables.extend((content.len() as u16 + 2).to_be_bytes());
            tables.extend(content);
        };
        let missing = || damaged("its tables are missing");
        let places = |tag| directory.numbers(tag).filter(|places| !places.is_empty()).ok_or_else(missing);
        if !is_lossless {
            for (id, at) in places(tag::JPEG_QUANTISATION)?.into_iter().take(4).enumerate() {
                segment(0xdb, &[&[id as u8], part(at, 64)].concat());
                counts[0] = id as u8 + 1;
            }
            for (id, at) in places(tag::JPEG_AC_TABLES)?.into_iter().take(4).enumerate() {
                segment(0xc4, &[&[0x10 | id as u8], huffman_table(part(at, 16 + 256)).ok_or_else(missing)?].concat());
                counts[2] = id as u8 + 1;
            }
        }
        for (id, at) in places(tag::JPEG_DC_TABLES)?.into_iter().take(4).enumerate() {
            segment(0xc4, &[&[id as u8], huffman_table(part(at, 16 + 256)).ok_or_else(missing)?].concat());
            counts[1] = id as u8 + 1;
        }
        if header.samples.channels > 4 {
            return Err(damaged(format_args!("it has {} components", header.samples.channels)));
        }
        let predictor = is_lossless.then(|| directory.number(tag::JPEG_PREDICTORS).unwrap_or(1) as u8);
        let restart_interval = directory.number(tag::JPEG_RESTART_INTERVAL).unwrap_or(0) as u16;
        Ok(Self { tables, counts, predictor, restart_interval })
    }

    fn written(&self, header: &Header, rows: u32) -> Vec<u8> {
        let channels = header.samples.channels as u8;
        let mut out = [&START[..], &self.tables].concat();
        if self.restart_interval > 0 {
            out.extend([0xff, 0xdd, 0, 4]);
            out.extend(self.restart_interval.to_be_bytes());
        }
        out.extend([
            0xff,
            if self.predictor.is_some() { 0xc3 } else { 0xc0 },
            0,
            8 + 3 * channels,
            header.samples.depth,
        ]);
        out.extend((rows as u16).to_be_bytes());
        out.extend((header.chunks.width as u16).to_be_bytes());
        out.push(channels);
        let (across, down) = header.jpeg_subsampling;
        // A component has the table of its own number; where there are fewer tables, the last one that there is.
        let table = |id: u8, kind: usize| id.min(self.counts[kind] - 1);
        for id in 0..channels {
            let sampling = if id == 0 && channels == 3 { (across << 4 | down) as u8 } else { 0x11 };
            out.extend([id + 1, sampling, if self.predictor.is_some() { 0 } else { table(id, 0) }]);
        }
        out.extend([0xff, 0xda, 0, 6 + 2 * channels, channels]);
        let ac = |id| if self.predictor.is_some() { 0 } else { table(id, 2) };
        out.extend((0..channels).flat_map(|id| [id + 1, table(id, 1) << 4 | ac(id)]));
        out.extend(match self.predictor {
            Some(predictor) => [predictor, 0, 0],
            None => [0, 63, 0],
        });
        out
    }
}

/// Sixteen counts, and as many values as they come to.
fn huffman_table(bytes: &[u8]) -> Option<&[u8]> {
    let values: usize = bytes.get(..16)?.iter().map(|&count| usize::from(count)).sum();
    bytes.get(..16 + values)
}
