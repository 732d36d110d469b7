//! What a page's directory says of it: dimensions, samples, and where its strips or tiles are (TIFF 6.0, section 8).

use super::{
    directory::Directory,
    samples::{Alpha, Meaning, Samples, ValueKind},
};
use crate::{
    error::{Error, ErrorKind, Result},
    input::{pixels::Orientation, proportions::Proportions, resolution},
};

/// Tags (TIFF 6.0, appendix A, and its supplements).
pub(super) mod tag {
    pub const NEW_SUBFILE_TYPE: u16 = 254;
    pub const WIDTH: u16 = 256;
    pub const HEIGHT: u16 = 257;
    pub const BITS: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const ORIENTATION: u16 = 274;
    pub const SAMPLES: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_LENGTHS: u16 = 279;
    pub const X_RESOLUTION: u16 = 282;
    pub const Y_RESOLUTION: u16 = 283;
    pub const PLANAR: u16 = 284;
    pub const T4_OPTIONS: u16 = 292;
    pub const T6_OPTIONS: u16 = 293;
    pub const RESOLUTION_UNIT: u16 = 296;
    pub const PREDICTOR: u16 = 317;
    pub const COLOR_MAP: u16 = 320;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_HEIGHT: u16 = 323;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_LENGTHS: u16 = 325;
    pub const EXTRA_SAMPLES: u16 = 338;
    pub const SAMPLE_FORMAT: u16 = 339;
    pub const JPEG_TABLES: u16 = 347;
    pub const JPEG_PROCESS: u16 = 512;
    pub const JPEG_OFFSET: u16 = 513;
    pub const JPEG_LENGTH: u16 = 514;
    pub const JPEG_RESTART_INTERVAL: u16 = 515;
    pub const JPEG_PREDICTORS: u16 = 517;
    pub const JPEG_QUANTISATION: u16 = 519;
    pub const JPEG_DC_TABLES: u16 = 520;
    pub const JPEG_AC_TABLES: u16 = 521;
    pub const SUBSAMPLING: u16 = 530;
}

/// Values of Compression.
pub(super) mod compression {
    pub const NONE: u16 = 1;
    pub const HUFFMAN: u16 = 2;
    pub const GROUP_3: u16 = 3;
    pub const GROUP_4: u16 = 4;
    pub const LZW: u16 = 5;
    pub const OLD_JPEG: u16 = 6;
    pub const JPEG: u16 = 7;
    pub const DEFLATE: u16 = 8;
    pub const PACK_BITS: u16 = 32_773;
    pub const OLD_DEFLATE: u16 = 32_946;
    pub const WEBP: u16 = 50_001;
}

/// More samples a pixel than this are no page.
const MOST_SAMPLES: usize = 64;

/// One page, with nothing decoded.
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) compression: u16,
    pub(super) chunks: Chunks,
    pub(super) samples: Samples,
    /// The first pixel of a byte is in its lowest bit (FillOrder 2).
    pub(super) low_bit_first: bool,
    pub(super) predictor: u16,
    pub(super) little_endian: bool,
    /// Of YCbCr samples that are not JPEG: so many pixels across and down share their colour.
    pub(super) subsampling: (u32, u32),
    /// The same of a JPEG in the old form, which has it nowhere else.
    pub(super) jpeg_subsampling: (u32, u32),
    pub(super) orientation: Orientation,
    pub(super) proportions: Proportions,
    pub(super) dpi: f32,
}

/// The strips or tiles that a page is made of, from left to right and down; of separate planes, one plane after the other.
pub(super) struct Chunks {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) across: u32,
    pub(super) down: u32,
    pub(super) planes: usize,
    /// (offset, bytes) of each that the file knows of.
    pub(super) spans: Vec<(u64, u64)>,
}

impl Chunks {
    pub(super) fn bytes<'a>(&self, file: &'a [u8], plane: usize, index: u32) -> Option<&'a [u8]> {
        let each = self.across as usize * self.down as usize;
        let &(offset, length) = self.spans.get(plane * each + index as usize)?;
        let start = usize::try_from(offset).ok()?;
        let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(file.len());
        file.get(start..end)
    }
}

fn damaged(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Damaged, what).with_hint("the file may be cut off; get it again")
}

fn unsupported(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::UnsupportedFormat, what).with_hint("convert it to an ordinary RGB or gray TIFF")
}

impl Header {
    pub(super) fn of(directory: &Directory<'_>, little_endian: bool) -> Result<Self> {
        let number = |tag| directory.number(tag);
        let short = |tag, default: u16| number(tag).map_or(default, |value| u16::try_from(value).unwrap_or(u16::MAX));
        let side = |tag, name: &str| {
            let side = number(tag).ok_or_else(|| damaged(format!("the TIFF page lacks the tag {name}")))?;
            u32::try_from(side).map_err(|_| damaged(format!("the TIFF page has an {name} of {side} pixels")))
        };
        let (width, height) = (side(tag::WIDTH, "ImageWidth")?, side(tag::HEIGHT, "ImageLength")?);
        if width == 0 || height == 0 {
            return Err(damaged("the TIFF page has no pixels"));
        }
        let compression = short(tag::COMPRESSION, compression::NONE);
        let samples = samples_of(directory, compression)?;
        let planar = samples.channels > 1 && short(tag::PLANAR, 1) == 2;
        let chunks = chunks_of(directory, width, height, if planar { samples.channels } else { 1 })?;
        let across_and_down = directory.numbers(tag::SUBSAMPLING).unwrap_or_else(|| vec![2, 2]);
        let jpeg_subsampling = match (&samples.meaning, &across_and_down[..]) {
            (Meaning::YCbCr, &[across @ (1 | 2 | 4), down @ (1 | 2 | 4)]) if !planar => (across as u32, down as u32),
            (Meaning::YCbCr, _) if !planar => return Err(damaged("the TIFF page has an impossible YCbCrSubSampling")),
            _ => (1, 1),
        };
        let is_jpeg = matches!(compression, compression::JPEG | compression::OLD_JPEG);
        let subsampling = if is_jpeg { (1, 1) } else { jpeg_subsampling };
        if subsampling != (1, 1) && samples.depth != 8 {
            return Err(unsupported(format!("subsampled TIFF colours of {} bits are not supported", samples.depth)));
        }
        let [across, down] =
            [tag::X_RESOLUTION, tag::Y_RESOLUTION].map(|tag| directory.fraction(tag).unwrap_or(0.0) as f32);
        Ok(Self {
            width,
            height,
            compression,
            chunks,
            samples,
            low_bit_first: short(tag::FILL_ORDER, 1) == 2,
            predictor: short(tag::PREDICTOR, 1),
            little_endian,
            subsampling,
            jpeg_subsampling,
            orientation: Orientation::from_tag(short(tag::ORIENTATION, 1)),
            proportions: Proportions::of(across, down),
            dpi: dpi_of(across.max(down), short(tag::RESOLUTION_UNIT, 2)),
        })
    }

    pub(super) fn is_fax(&self) -> bool {
        is_fax(self.compression)
    }

    /// Bytes of one chunk when it is decompressed, of one plane where they are separate.
    pub(super) fn chunk_bytes(&self) -> u64 {
        let (across, down) = self.subsampling;
        if (across, down) != (1, 1) {
            let units = u64::from(self.chunks.width.div_ceil(across)) * u64::from(self.chunks.height.div_ceil(down));
            return units * u64::from(across * down + 2);
        }
        self.row_bytes().saturating_mul(self.chunks.height.into())
    }

    /// Bytes of one row of a chunk, of one plane where they are separate.
    pub(super) fn row_bytes(&self) -> u64 {
        let samples = if self.chunks.planes > 1 { 1 } else { self.samples.channels as u64 };
        (u64::from(self.chunks.width) * samples * u64::from(self.samples.depth)).div_ceil(8)
    }
}

/// From the dots and ResolutionUnit. A page scanned at two resolutions (fax: 204 x 98) has the finer one, into which it is brought.
fn dpi_of(dots: f32, unit: u16) -> f32 {
    match unit {
        2 => resolution::plausible(dots),
        3 => resolution::plausible((dots * 2.54).round()),
        _ => None,
    }
    .unwrap_or(72.0)
}

fn chunks_of(directory: &Directory<'_>, width: u32, height: u32, planes: usize) -> Result<Chunks> {
    let side = |tag| directory.number(tag).map(|side| u32::try_from(side).unwrap_or(u32::MAX));
    let tiled =
        side(tag::TILE_WIDTH).zip(side(tag::TILE_HEIGHT)).filter(|_| directory.number(tag::TILE_OFFSETS).is_some());
    // Some writers give tiles the tags of strips.
    let strips = directory.numbers(tag::STRIP_OFFSETS);
    let (offsets, lengths) = match directory.numbers(tag::TILE_OFFSETS).filter(|_| tiled.is_some()) {
        Some(offsets) => (offsets, directory.numbers(tag::TILE_LENGTHS)),
        None => (strips.unwrap_or_default(), directory.numbers(tag::STRIP_LENGTHS)),
    };
    let (chunk_width, chunk_height) =
        tiled.unwrap_or_else(|| (width, side(tag::ROWS_PER_STRIP).unwrap_or(u32::MAX).clamp(1, height)));
    if chunk_width == 0 || chunk_height == 0 {
        return Err(damaged("the TIFF page has tiles of no size"));
    }
    let spans = offsets.iter().enumerate().map(|(i, &offset)| {
        // Without a length it reaches to the end of the file; what it holds is counted.
        let length = lengths.as_ref().and_then(|lengths| lengths.get(i).copied()).filter(|&length| length > 0);
        (offset, length.unwrap_or(u64::MAX))
    });
    Ok(Chunks {
        width: chunk_width,
        height: chunk_height,
        across: width.div_ceil(chunk_width),
        down: height.div_ceil(chunk_height),
        planes,
        spans: spans.collect(),
    })
}

fn is_fax(compression: u16) -> bool {
    matches!(compression, compression::HUFFMAN | compression::GROUP_3 | compression::GROUP_4)
}

/// What a pixel's samples are, and how many bits each has.
fn samples_of(directory: &Directory<'_>, compression: u16) -> Result<Samples> {
    let channels = directory.number(tag::SAMPLES).unwrap_or(1) as usize;
    if channels == 0 || channels > MOST_SAMPLES {
        return Err(unsupported(format!("TIFF pixels of {channels} samples are not supported")));
    }
    let bits = directory.numbers(tag::BITS).filter(|bits| !bits.is_empty()).unwrap_or_else(|| vec![1]);
    let depth = bits[0];
    if bits.iter().take(channels).any(|&bits| bits != depth) || !matches!(depth, 1..=16 | 24 | 32 | 64) {
        let told: Vec<String> = bits.iter().take(4).map(u64::to_string).collect();
        return Err(unsupported(format!("TIFF samples of {} bits are not supported", told.join(", "))));
    }
    // Of colours in which only the first sample is without a sign (CIE L*a*b*), the first counts.
    let kind = match directory.number(tag::SAMPLE_FORMAT).unwrap_or(1) {
        2 => ValueKind::Signed,
        3 if matches!(depth, 16 | 24 | 32 | 64) => ValueKind::Float,
        1 | 4 => ValueKind::Unsigned,
        other => return Err(unsupported(format!("TIFF samples of format {other} and {depth} bits are not supported"))),
    };
    if is_fax(compression) && depth != 1 {
        return Err(damaged(format!("the TIFF page is a fax of {depth} bits a pixel")));
    }
    // As libtiff guesses where a scanner does not say.
    let guessed = if channels >= 3 { 2 } else { u64::from(!is_fax(compression)) };
    let photometric = directory.number(tag::PHOTOMETRIC).unwrap_or(guessed);
    let meaning = match photometric {
        // A mask is a page like any other where there is nothing else.
        0 | 1 | 4 => Meaning::Gray,
        2 => Meaning::Rgb,
        3 => {
            let map = directory.numbers(tag::COLOR_MAP).unwrap_or_default();
            if depth > 8 || map.len() < 3 << depth {
                return Err(unsupported(format!("a TIFF palette of {} values is not supported", map.len())));
            }
            Meaning::palette(map.into_iter().map(|value| value as u16).collect())
        }
        5 => Meaning::Cmyk,
        6 => Meaning::YCbCr,
        8 => Meaning::CieLab,
        9 => Meaning::IccLab,
        10 => Meaning::ItuLab,
        other => {
            return Err(unsupported(format!(
                "TIFF colours of kind {other} (PhotometricInterpretation) are not supported"
            )));
        }
    };
    if channels < meaning.channels() {
        return Err(damaged(format!(
            "the TIFF page has {channels} samples a pixel, and its colours need {}",
            meaning.channels()
        )));
    }
    let extra = directory.numbers(tag::EXTRA_SAMPLES);
    let unnamed = meaning == Meaning::Rgb && channels == 4 && extra.is_none();
    let alpha = extra.unwrap_or_default().into_iter().enumerate().find(|(_, kind)| matches!(kind, 1 | 2));
    let alpha = match alpha {
        Some((index, kind)) => Some(Alpha { channel: meaning.channels() + index, premultiplied: kind == 1 }),
        None => unnamed.then_some(Alpha { channel: 3, premultiplied: false }),
    };
    let alpha = alpha.filter(|alpha| alpha.channel < channels);
    Ok(Samples { channels, depth: depth as u8, kind, meaning, inverted: photometric == 0, alpha })
}
