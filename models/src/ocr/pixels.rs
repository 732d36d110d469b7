//! Pixels into tensor memory: scaling and normalisation, shared by the detector's input and the line crops.

use std::cell::RefCell;

use fast_image_resize::{
    FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer,
    images::{TypedImage, TypedImageRef},
    pixels::{U8, U8x3},
};
use pagestream_documents::{PixelFormat, Raster, Rect};

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
    let mut data = vec![255; width as usize * height as usize * format.channels()];
    let page = Rect { left: 0.0, top: 0.0, right: source.width as f32, bottom: source.height as f32 };
    let cut = region.intersection(&page);
    if cut.width() > 0.0 && cut.height() > 0.0 {
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
    let (width, height) = (sampled.width as usize, sampled.height as usize);
    let plane = row * height;
    let channels = sampled.format.channels();
    let scale = |v: u8| f32::from(v) * (1.0 / 127.5) - 1.0;
    for (y, line) in sampled.data.chunks_exact((width * channels).max(1)).take(height).enumerate() {
        let start = y * row;
        match sampled.format {
            PixelFormat::Gray8 => {
                let (blue, rest) = tensor.split_at_mut(plane);
                let blue = &mut blue[start..start + width];
                for (out, &v) in blue.iter_mut().zip(line) {
                    *out = scale(v);
                }
                rest[start..start + width].copy_from_slice(blue);
                rest[plane + start..plane + start + width].copy_from_slice(blue);
            }
            PixelFormat::Rgb8 => {
                let (blue, rest) = tensor.split_at_mut(plane);
                let (green, red) = rest.split_at_mut(plane);
                let planes = blue[start..start + width].iter_mut();
                let planes = planes.zip(&mut green[start..start + width]).zip(&mut red[start..start + width]);
                for (((blue, green), red), pixel) in planes.zip(line.chunks_exact(3)) {
                    (*red, *green, *blue) = (scale(pixel[0]), scale(pixel[1]), scale(pixel[2]));
                }
            }
        }
    }
}
