//! Pixels into tensor memory: scaling and normalisation, shared by the detector's input and the line crops.

use std::cell::RefCell;

use fast_image_resize::{
    FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer,
    images::{TypedImage, TypedImageRef},
    pixels::{U8, U8x3},
};
use fearless_simd::{Level, Simd, dispatch};
use pagestream_documents::{PixelFormat, Raster, Rect, buffers};

thread_local! {
    // A resizer keeps its scratch buffer, which is as high as the source and as wide as the result: one a thread, so
    // that no page allocates it again.
    static RESIZER: RefCell<Resizer> = RefCell::new(Resizer::new());
}

/// A piece of a page at another size; rows without padding.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    pub width: u32,
    pub height: u32,
    pub format: PixelFormat,
    pub data: Vec<u8>,
}

/// `region` of the page at `width` x `height` pixels, averaged where it shrinks. The region is cut to the page; an
/// empty one gives white.
pub fn resize(raster: &Raster, region: Rect, width: u32, height: u32) -> Sampled {
    let source = Source { width: raster.width, height: raster.height, format: raster.format, data: &raster.data };
    resize_source(source, region, width, height)
}

/// Borrowed pixels; rows without padding.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub width: u32,
    pub height: u32,
    pub format: PixelFormat,
    pub data: &'a [u8],
}

pub fn resize_source(source: Source<'_>, region: Rect, width: u32, height: u32) -> Sampled {
    let format = source.format;
    let mut data = buffers::take(width as usize * height as usize * format.channels());
    let page = Rect { left: 0.0, top: 0.0, right: source.width as f32, bottom: source.height as f32 };
    let cut = region.intersection(&page);
    if cut.width() <= 0.0 || cut.height() <= 0.0 {
        data.fill(255);
    } else {
        let scaled = match format {
            PixelFormat::Gray8 => scale::<U8>(source, cut, width, height, &mut data),
            PixelFormat::Rgb8 => scale::<U8x3>(source, cut, width, height, &mut data),
        };
        debug_assert!(scaled.is_some(), "a region cut to the page can be scaled");
    }
    Sampled { width, height, format, data }
}

/// Typed, so that only the two pixel types that pages have are compiled, not every one that the resizer knows.
fn scale<P: PixelTrait>(source: Source<'_>, cut: Rect, width: u32, height: u32, data: &mut [u8]) -> Option<()> {
    // Bilinear with a support as wide as the reduction: at twice and more, plain bilinear skips pixels, and thin
    // strokes of a 1-bit scan with them.
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false).crop(
        cut.left.into(),
        cut.top.into(),
        cut.width().into(),
        cut.height().into(),
    );
    let from = TypedImageRef::<P>::from_buffer(source.width, source.height, source.data).ok()?;
    let mut to = TypedImage::<P>::from_buffer(width, height, data).ok()?;
    RESIZER.with_borrow_mut(|resizer| resizer.resize_typed(&from, &mut to, &options)).ok()
}

/// Writes `sampled` as three planes of `v / 127.5 - 1` (mean and deviation one half, as PP-OCR was trained), blue
/// first, at the left of a tensor whose rows are `row` long. What lies to the right stays as it is.
pub fn normalize(sampled: &Sampled, row: usize, tensor: &mut [f32]) {
    normalize_at(Level::new(), sampled, row, tensor);
}

/// [`normalize`] with the vector instructions of `level`, which change nothing about the result.
pub fn normalize_at(level: Level, sampled: &Sampled, row: usize, tensor: &mut [f32]) {
    dispatch!(level, simd => simd.vectorize(|| into_planes(sampled, row, tensor)));
}

/// Loops that the compiler makes vector code of: once for each instruction set, because this is inlined into them.
#[inline(always)]
fn into_planes(sampled: &Sampled, row: usize, tensor: &mut [f32]) {
    let (width, height) = (sampled.width as usize, sampled.height as usize);
    let plane = row * height;
    let channels = sampled.format.channels();
    let lines = sampled.data.chunks_exact((width * channels).max(1)).take(height);
    let (blue, rest) = tensor.split_at_mut(plane);
    let (green, red) = rest.split_at_mut(plane);
    for (y, line) in lines.enumerate() {
        let at = y * row..y * row + width;
        let (blue, green, red) = (&mut blue[at.clone()], &mut green[at.clone()], &mut red[at]);
        match sampled.format {
            PixelFormat::Gray8 => {
                for (((blue, green), red), &v) in blue.iter_mut().zip(green).zip(red).zip(line) {
                    let v = scaled(v);
                    (*blue, *green, *red) = (v, v, v);
                }
            }
            PixelFormat::Rgb8 => {
                let planes = blue.iter_mut().zip(green).zip(red);
                for (((blue, green), red), pixel) in planes.zip(line.chunks_exact(3)) {
                    (*red, *green, *blue) = (scaled(pixel[0]), scaled(pixel[1]), scaled(pixel[2]));
                }
            }
        }
    }
}

/// How often each gray level occurs: counted in four places in turn, so that equal neighbours, which are most, do not wait for each other.
#[derive(Debug)]
pub struct Histogram([[u32; 256]; 4]);

impl Default for Histogram {
    fn default() -> Self {
        Self([[0; 256]; 4])
    }
}

impl Histogram {
    pub fn add(&mut self, pixels: &[u8]) {
        let (quads, rest) = pixels.as_chunks::<4>();
        for quad in quads {
            for (counts, &v) in self.0.iter_mut().zip(quad) {
                counts[usize::from(v)] += 1;
            }
        }
        for &v in rest {
            self.0[0][usize::from(v)] += 1;
        }
    }

    pub fn counts(&self) -> [u32; 256] {
        std::array::from_fn(|v| self.0.iter().map(|counts| counts[v]).sum())
    }
}

/// How often each gray level occurs.
pub fn histogram(pixels: &[u8]) -> [u32; 256] {
    let mut histogram = Histogram::default();
    histogram.add(pixels);
    histogram.counts()
}

/// Sets each number to what `level` makes of a pixel, with this machine's vector instructions, which change nothing about the result.
pub fn set_levels(out: &mut [f32], pixels: &[u8], level: impl Fn(u8) -> f32) {
    let set = || out.iter_mut().zip(pixels).for_each(|(out, &v)| *out = level(v));
    dispatch!(Level::new(), simd => simd.vectorize(set));
}

#[inline(always)]
fn scaled(v: u8) -> f32 {
    f32::from(v) * (1.0 / 127.5) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every instruction set that this machine has.
    fn levels() -> Vec<Level> {
        let best = Level::new();
        #[cfg(target_arch = "x86_64")]
        let others = [
            best.as_sse2().map(Level::Sse2),
            best.as_sse4_2().map(Level::Sse4_2),
            best.as_avx2().map(Level::Avx2),
            best.as_avx512().map(Level::Avx512),
        ];
        #[cfg(not(target_arch = "x86_64"))]
        let others = [None];
        [best].into_iter().chain(others.into_iter().flatten()).collect()
    }

    /// One number after the other, as the definition has it.
    fn one_by_one(sampled: &Sampled, row: usize, tensor: &mut [f32]) {
        let (width, channels) = (sampled.width as usize, sampled.format.channels());
        let plane = row * sampled.height as usize;
        for (i, pixel) in sampled.data.chunks_exact(channels).enumerate() {
            let at = i / width * row + i % width;
            for (number, place) in [(2, at), (1, plane + at), (0, 2 * plane + at)] {
                tensor[place] = f32::from(pixel[number.min(channels - 1)]) * (1.0 / 127.5) - 1.0;
            }
        }
    }

    /// Random sizes, pixels and paddings: whatever the instructions, the tensor is the same to the last bit.
    #[test]
    fn every_instruction_set_makes_the_same_tensor() {
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 16) as usize % below
        };
        for round in 0..400 {
            let format = if round % 2 == 0 { PixelFormat::Gray8 } else { PixelFormat::Rgb8 };
            let (width, height, padding) = (1 + next(200), 1 + next(20), next(40));
            let data = (0..width * height * format.channels()).map(|_| next(256) as u8).collect();
            let sampled = Sampled { width: width as u32, height: height as u32, format, data };
            let row = width + padding;
            let mut expected = vec![0.5; 3 * row * height];
            one_by_one(&sampled, row, &mut expected);
            for level in levels() {
                let mut tensor = vec![0.5; 3 * row * height];
                normalize_at(level, &sampled, row, &mut tensor);
                let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&tensor), bits(&expected), "{width} x {height} + {padding}, {format:?}, {level:?}");
            }
        }
    }
}
