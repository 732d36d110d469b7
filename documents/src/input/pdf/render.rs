//! A page to pixels.

use std::collections::HashSet;

use hayro::{
    RenderCache, RenderSettings,
    hayro_interpret::{InterpreterSettings, TransformExt},
    hayro_syntax::{
        object::{Array, Dict, Name, Object, Stream},
        page::{Page, Resources},
    },
    kurbo::Affine,
    render_into,
    vello_cpu::{
        Pixmap, RasterizerSettings, RenderContext, Resources as RasterResources, TargetInit, color::palette::css::WHITE,
    },
};

use super::user_unit;
use crate::{
    error::Result,
    ids::ByteSize,
    input::{Limits, PageInfo, RenderOptions, guard::too_large, pixels::pack_opaque_rgba},
    raster::{PixelFormat, Raster},
};

/// The rasteriser counts pixels in 16 bits; half of that keeps all its sums in range.
const LONGEST_SIDE: f64 = 32_767.0;
/// Below this a page of letters cannot be read any more, and a refusal says more than a gray blur.
const LEAST_DPI: f64 = 30.0;
/// At the end the canvas (RGBA) and the raster made of it (RGB) exist at once, and with them the images of the page, scaled
/// to its resolution (RGBA).
const BYTES_A_PIXEL: f64 = 4.0 + 3.0;
const BYTES_A_PIXEL_WITH_IMAGES: f64 = BYTES_A_PIXEL + 4.0;
/// While an image is decoded there is no canvas yet, but its scaled form and that of the image before it.
const BYTES_A_PIXEL_WHILE_DECODING: f64 = 8.0;
/// Forms within forms within forms: deeper ones are drawn, but no longer searched for large images.
const DEEPEST_FORM: u32 = 8;

/// How a page will be rendered, from its dictionary alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) width: u16,
    pub(super) height: u16,
    /// Pixels a point.
    pub(super) scale: f64,
    /// Points a unit of the page.
    unit: f64,
    images: ByteSize,
}

impl Plan {
    pub(super) fn info(&self) -> PageInfo {
        let (width, height) = (u32::from(self.width), u32::from(self.height));
        let pixels = f64::from(width) * f64::from(height);
        let cost = if self.images == ByteSize(0) {
            pixels * BYTES_A_PIXEL
        } else {
            let decoding = self.images.bytes() as f64 + pixels * BYTES_A_PIXEL_WHILE_DECODING;
            decoding.max(pixels * BYTES_A_PIXEL_WITH_IMAGES)
        };
        PageInfo { width, height, format: PixelFormat::Rgb8, cost: ByteSize(cost as u64) }
    }
}

/// Chooses the resolution: as asked, higher for small pages, lower for those that would not fit the limit.
///
/// # Errors
/// `TooLarge` when an image on the page alone goes beyond the limit, or the page would be unreadable within it.
pub(super) fn plan(page: &Page<'_>, options: &RenderOptions, limits: &Limits) -> Result<Plan> {
    let unit = user_unit::of(page);
    let (width, height) = page.render_dimensions();
    let (width, height) = ((f64::from(width) * unit).max(1.0), (f64::from(height) * unit).max(1.0));
    let longer = width.max(height);
    let wanted = (f64::from(options.dpi.clamp(1.0, 4_800.0)) / 72.0).max(f64::from(options.min_side) / longer);
    let (images, (image_width, image_height)) = largest_image(page);
    if images > limits.page {
        return Err(too_large(image_width, image_height, images, limits));
    }
    let limit = limits.page.bytes() as f64;
    let pixels = if images == ByteSize(0) {
        limit / BYTES_A_PIXEL
    } else {
        ((limit - images.bytes() as f64) / BYTES_A_PIXEL_WHILE_DECODING).min(limit / BYTES_A_PIXEL_WITH_IMAGES)
    };
    // Rounding up to whole pixels must not lead beyond the limit, hence the little less.
    let most = (pixels / (width * height)).sqrt().min(LONGEST_SIDE / longer) * 0.999;
    let scale = wanted.min(most);
    if scale < wanted && scale < LEAST_DPI / 72.0 {
        let (width, height) = ((width * wanted) as u64, (height * wanted) as u64);
        let needs = ByteSize((width as f64 * height as f64 * BYTES_A_PIXEL) as u64 + images.bytes());
        return Err(too_large(width, height, needs, limits));
    }
    let side = |points: f64| (points * scale).round().clamp(1.0, LONGEST_SIDE) as u16;
    Ok(Plan { width: side(width), height: side(height), scale, unit, images })
}

/// What decoding the costliest image of the page holds at its peak, with the image's dimensions.
fn largest_image(page: &Page<'_>) -> (ByteSize, (u64, u64)) {
    let mut search = Search { seen: HashSet::new(), bytes: 0, dimensions: (0, 0) };
    search.resources(page.resources(), 0);
    (ByteSize(search.bytes), search.dimensions)
}

struct Search {
    seen: HashSet<(u32, i32)>,
    bytes: u64,
    dimensions: (u64, u64),
}

impl Search {
    fn resources(&mut self, resources: &Resources<'_>, depth: u32) {
        for name in resources.x_objects.keys() {
            if let Some(stream) = resources.get_x_object(&name) {
                self.x_object(&stream, depth);
            }
        }
    }

    fn x_object(&mut self, stream: &Stream<'_>, depth: u32) {
        let id = stream.obj_id();
        if !self.seen.insert((id.obj_number, id.gen_number)) {
            return;
        }
        let dict = stream.dict();
        match dict.get::<Name<'_>>("Subtype").as_deref() {
            Some(b"Image") => {
                let alpha = dict.get::<Stream<'_>>("SMask").or_else(|| dict.get::<Stream<'_>>("Mask"));
                let bytes = image_bytes(dict).saturating_add(alpha.map_or(0, |alpha| image_bytes(alpha.dict())));
                if bytes > self.bytes {
                    self.bytes = bytes;
                    self.dimensions = dimensions(dict);
                }
            }
            Some(b"Form") if depth < DEEPEST_FORM => {
                if let Some(resources) = dict.get::<Dict<'_>>("Resources") {
                    self.resources(&Resources::new(resources), depth + 1);
                }
            }
            _ => {}
        }
    }
}

fn dimensions(dict: &Dict<'_>) -> (u64, u64) {
    let side = |name| u64::from(dict.get::<u32>(name).unwrap_or(0));
    (side("Width"), side("Height"))
}

/// Bytes at the peak of decoding one image. Measured on hayro 0.9: gray images exist as decoded and as 8 bits a pixel,
/// plain RGB is used as decoded, and for all else there are up to four components and the RGB made of them.
fn image_bytes(dict: &Dict<'_>) -> u64 {
    let (width, height) = dimensions(dict);
    let bits = u64::from(dict.get::<u32>("BitsPerComponent").unwrap_or(1).clamp(1, 16));
    let is_mask = dict.get::<bool>("ImageMask").unwrap_or(false);
    let space = dict.get::<Object<'_>>("ColorSpace");
    let is = |device: &[u8], calibrated: &[u8]| match &space {
        Some(Object::Name(name)) => name.as_ref() == device,
        Some(Object::Array(array)) => first_name_is(array, calibrated),
        _ => false,
    };
    let pixels = width.saturating_mul(height);
    if is_mask || bits == 1 || is(b"DeviceGray", b"CalGray") {
        pixels.saturating_add(pixels.saturating_mul(bits) / 8)
    } else if bits == 8 && is(b"DeviceRGB", b"DeviceRGB") {
        pixels.saturating_mul(4)
    } else {
        pixels.saturating_mul(7)
    }
}

fn first_name_is(array: &Array<'_>, name: &[u8]) -> bool {
    array.iter::<Name<'_>>().next().is_some_and(|first| first.as_ref() == name)
}

pub(super) fn render(page: &Page<'_>, plan: &Plan, settings: &InterpreterSettings) -> Result<Raster> {
    let mut canvas = RenderContext::new(plan.width, plan.height);
    let transform = Affine::scale(plan.scale * plan.unit) * page.initial_transform(true).to_kurbo();
    // Kept for this page only: a cache for the document would grow with it.
    let cache = RenderCache::new();
    render_into(page, &cache, settings, &RenderSettings::default(), &mut canvas, transform);
    drop(cache);
    canvas.flush();
    let mut pixmap = Pixmap::new(plan.width, plan.height);
    let target = RasterizerSettings { target_init: TargetInit::Clear(WHITE), ..Default::default() };
    canvas.render_with(&mut pixmap, &mut RasterResources::default(), target);
    drop(canvas);
    let (format, data) = pack_opaque_rgba(pixmap.data_as_u8_slice());
    let dpi = (plan.scale * 72.0) as f32;
    Ok(Raster { width: plan.width.into(), height: plan.height.into(), format, data, dpi })
}
