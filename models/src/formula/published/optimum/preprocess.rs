//! From a crop to the encoder's input, as `preprocessor_config.json` of Hugging Face's image processors says.
//!
//! Known are those of ViT and DeiT (TrOCR, pix2text-mfr: the picture is stretched to a size), of Donut and Nougat (UniMERNet, Texo: it keeps its
//! proportions, and black stands around it), and, under a name of our own for a file that its makers do not write, TexTeller's (it keeps its
//! proportions, at the left and top). Crops are grey here: three channels are the same one.

use fast_image_resize::{
    FilterType, ResizeAlg, ResizeOptions, Resizer,
    images::{TypedImage, TypedImageRef},
    pixels::U8,
};
use serde_json::Value;

use crate::{backend::Tensor, formula::GrayCrop};

/// Largest side of a picture for a network, in pixels.
const LARGEST_SIDE: usize = 4096;

const HALVES: [f64; 3] = [0.5; 3];
const IMAGENET_MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const IMAGENET_DEVIATION: [f64; 3] = [0.229, 0.224, 0.225];

/// Steps that a file may ask for; those that make a picture grey or coloured change nothing here.
const STEPS: [&str; 11] = [
    "do_resize",
    "do_rescale",
    "do_normalize",
    "do_center_crop",
    "do_crop_margin",
    "do_align_long_axis",
    "do_thumbnail",
    "do_pad",
    "do_convert_rgb",
    "do_convert_grayscale",
    "do_grayscale",
];

/// A way to make a network's input of a crop.
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocessor {
    kind: Kind,
    /// Without the paper around the ink.
    trims: bool,
    /// Turned by a quarter where it is higher and the size is wider, or the other way round.
    aligns: bool,
    resizes: bool,
    shrinks: bool,
    pads: bool,
    size: Size,
    /// What is cut out of the middle.
    middle: Option<Size>,
    filter: Option<FilterType>,
    /// By channel: a level times the first and plus the second is the network's number.
    levels: Vec<[f32; 2]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub height: usize,
    pub width: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Vit,
    Deit,
    Donut,
    Nougat,
    TexTeller,
}

/// Grey pixels, rows without anything between them.
struct Grey {
    size: Size,
    data: Vec<u8>,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        let name =
            name.trim_end_matches("Fast").trim_end_matches("ImageProcessor").trim_end_matches("FeatureExtractor");
        match name {
            "ViT" => Some(Self::Vit),
            "DeiT" => Some(Self::Deit),
            "Donut" => Some(Self::Donut),
            "Nougat" => Some(Self::Nougat),
            "TexTeller" => Some(Self::TexTeller),
            _ => None,
        }
    }

    fn keeps_proportions(self) -> bool {
        matches!(self, Self::Donut | Self::Nougat | Self::TexTeller)
    }

    /// What holds where the file says nothing, in height and width.
    fn size(self) -> Size {
        let (height, width) = match self {
            Self::Vit => (224, 224),
            Self::Deit => (256, 256),
            Self::Donut => (2560, 1920),
            Self::Nougat => (896, 672),
            Self::TexTeller => (448, 448),
        };
        Size { height, width }
    }

    /// Means and deviations, likewise; those of TexTeller are from its sources, for its one channel.
    fn statistics(self) -> [[f64; 3]; 2] {
        match self {
            Self::Vit | Self::Donut => [HALVES, HALVES],
            Self::Deit | Self::Nougat => [IMAGENET_MEAN, IMAGENET_DEVIATION],
            Self::TexTeller => [[0.954_546_7; 3], [0.153_944_45; 3]],
        }
    }
}

impl Preprocessor {
    /// Of the file's content, for a network of so many channels.
    ///
    /// # Errors
    /// What of it is not known here.
    pub fn new(config: &Value, channels: usize) -> Result<Self, String> {
        let name = ["image_processor_type", "feature_extractor_type"].iter().find_map(|key| config[*key].as_str());
        let name = name.ok_or("it does not say its `image_processor_type`")?;
        let kind = Kind::of(name).ok_or_else(|| {
            format!("`image_processor_type` is `{name}`, and known are those of ViT, DeiT, Donut, Nougat and TexTeller")
        })?;
        let is_on = |key: &str, otherwise: bool| config[key].as_bool().unwrap_or(otherwise);
        let asked = config.as_object().into_iter().flatten().filter(|(_, value)| value.as_bool() == Some(true));
        let unknown = asked.map(|(key, _)| key).find(|key| key.starts_with("do_") && !STEPS.contains(&key.as_str()));
        if let Some(unknown) = unknown {
            return Err(format!("it asks for `{unknown}`, which is not known here"));
        }
        let size = Size::of(&config["size"], "size")?.unwrap_or(kind.size());
        let crops = is_on("do_center_crop", kind == Kind::Deit);
        let crop_size = Size::of(&config["crop_size"], "crop_size")?;
        let middle = crops.then(|| crop_size.unwrap_or(Size { height: 224, width: 224 }));
        let resizes = is_on("do_resize", true);
        if let Some(middle) = middle
            && (!resizes || kind.keeps_proportions() || middle.height > size.height || middle.width > size.width)
        {
            return Err(format!(
                "`crop_size` of {} x {} is not cut out of anything as large",
                middle.height, middle.width
            ));
        }
        let bicubic = kind == Kind::Deit;
        let filter = match config["resample"].as_u64().unwrap_or(if bicubic { 3 } else { 2 }) {
            0 => None,
            1 => Some(FilterType::Lanczos3),
            2 => Some(FilterType::Bilinear),
            3 => Some(FilterType::CatmullRom),
            4 => Some(FilterType::Box),
            5 => Some(FilterType::Hamming),
            other => return Err(format!("`resample` is {other}, and Pillow has 0 to 5")),
        };
        let factor = config["rescale_factor"].as_f64().unwrap_or(1.0 / 255.0);
        let factor = if is_on("do_rescale", true) { factor } else { 1.0 };
        let [mean, deviation] = kind.statistics();
        let (mean, deviation) = match is_on("do_normalize", true) {
            true => (
                by_channel(config, "image_mean", mean, channels)?,
                by_channel(config, "image_std", deviation, channels)?,
            ),
            false => (vec![0.0; channels], vec![1.0; channels]),
        };
        if deviation.contains(&0.0) {
            return Err("`image_std` is 0".to_owned());
        }
        let level = |(mean, deviation): (&f64, &f64)| [(factor / deviation) as f32, (-mean / deviation) as f32];
        let letters = kind.keeps_proportions();
        Ok(Self {
            kind,
            trims: is_on("do_crop_margin", matches!(kind, Kind::Nougat | Kind::TexTeller)),
            aligns: is_on("do_align_long_axis", false) && letters,
            resizes,
            shrinks: is_on("do_thumbnail", letters) && letters,
            pads: is_on("do_pad", letters) && letters,
            size,
            middle,
            filter,
            levels: mean.iter().zip(&deviation).map(level).collect(),
        })
    }

    /// The size that all pictures have; `None` where each has its own.
    pub fn size(&self) -> Option<Size> {
        match self.kind.keeps_proportions() {
            true => self.pads.then_some(self.size),
            false => self.middle.or(self.resizes.then_some(self.size)),
        }
    }

    /// `[1, channels, height, width]`
    pub fn input(&self, crop: GrayCrop<'_>) -> Option<Tensor> {
        let data: Vec<u8> = crop.rows().flatten().copied().collect();
        let mut grey = Grey { size: Size { height: crop.height, width: crop.width }, data };
        if self.trims {
            grey = grey.trimmed();
        }
        let (tall, wide) = (self.size.height > self.size.width, self.size.width > self.size.height);
        if self.aligns && (tall && grey.size.width > grey.size.height || wide && grey.size.height > grey.size.width) {
            grey = grey.turned();
        }
        let target = self.target(grey.size);
        grey = grey.scaled(target, self.filter)?;
        if let Some(middle) = self.middle {
            let (top, left) = ((grey.size.height - middle.height) / 2, (grey.size.width - middle.width) / 2);
            grey = grey.part(top, left, middle);
        }
        Some(self.placed(&grey))
    }

    /// The size that a picture is scaled to. Donut's two steps, to the shortest side and into the size, are one here.
    fn target(&self, from: Size) -> Size {
        let to = self.size;
        match self.kind {
            Kind::Vit | Kind::Deit if self.resizes => to,
            Kind::Vit | Kind::Deit => from,
            Kind::TexTeller => {
                let (short, long) = (from.height.min(from.width) as f64, from.height.max(from.width) as f64);
                let side = to.height.min(to.width) as f64;
                from.times(((side - 1.0) / short).min(side / long)).within(to)
            }
            Kind::Donut | Kind::Nougat => {
                let short = to.height.min(to.width) as f64 / from.height.min(from.width) as f64;
                let whole = if self.resizes { from.times(short) } else { from };
                let fits = whole.height <= to.height && whole.width <= to.width;
                let factor = (to.height as f64 / whole.height as f64).min(to.width as f64 / whole.width as f64);
                match (self.shrinks, self.pads) {
                    _ if fits => whole,
                    (true, _) => whole.times(factor).within(to),
                    // What does not fit is scaled, since a network takes no parts of a formula.
                    (false, true) => whole.times(factor).within(to),
                    (false, false) => whole.within(Size { height: LARGEST_SIDE, width: LARGEST_SIDE }),
                }
            }
        }
    }

    fn placed(&self, grey: &Grey) -> Tensor {
        let whole = if self.pads { self.size } else { grey.size };
        let (top, left, around) = match self.kind {
            // After the levels are the network's, 0 stands around it.
            Kind::TexTeller => (0, 0, None),
            _ => ((whole.height - grey.size.height) / 2, (whole.width - grey.size.width) / 2, Some(0.0f32)),
        };
        let mut data = Vec::with_capacity(self.levels.len() * whole.height * whole.width);
        for [factor, added] in &self.levels {
            let start = data.len();
            data.resize(start + whole.height * whole.width, around.map_or(0.0, |level| level * factor + added));
            let rows = data[start..].chunks_exact_mut(whole.width).skip(top);
            for (to, from) in rows.zip(grey.data.chunks_exact(grey.size.width)) {
                to[left..].iter_mut().zip(from).for_each(|(to, &level)| *to = f32::from(level) * factor + added);
            }
        }
        Tensor { shape: vec![1, self.levels.len(), whole.height, whole.width], data }
    }
}

impl Size {
    fn of(value: &Value, key: &str) -> Result<Option<Self>, String> {
        let number = |value: &Value| value.as_u64().map(|size| size as usize);
        let size = match value {
            Value::Null => return Ok(None),
            Value::Number(_) => number(value).map(|side| (side, side)),
            // Old files have the width first.
            Value::Array(sides) if sides.len() == 2 => number(&sides[1]).zip(number(&sides[0])),
            _ => number(&value["height"]).zip(number(&value["width"])),
        };
        match size {
            Some((height, width)) if (1..=LARGEST_SIDE).contains(&height) && (1..=LARGEST_SIDE).contains(&width) => {
                Ok(Some(Self { height, width }))
            }
            _ => Err(format!("`{key}` is {value} and not a height and a width of up to {LARGEST_SIDE} pixels")),
        }
    }

    fn times(self, factor: f64) -> Self {
        // A thousandth of a thousandth, so that what is whole does not become one less.
        let scaled = |side: usize| ((side as f64 * factor + 1e-6) as usize).max(1);
        Self { height: scaled(self.height), width: scaled(self.width) }
    }

    fn within(self, other: Self) -> Self {
        Self { height: self.height.min(other.height), width: self.width.min(other.width) }
    }
}

/// A number, one for all channels or one for each.
fn by_channel(config: &Value, key: &str, otherwise: [f64; 3], channels: usize) -> Result<Vec<f64>, String> {
    let wrong = || format!("`{key}` is {} and not a number for each of {channels} channels", config[key]);
    let numbers: Vec<f64> = match &config[key] {
        Value::Null => otherwise.to_vec(),
        Value::Array(numbers) => numbers.iter().map(Value::as_f64).collect::<Option<_>>().ok_or_else(wrong)?,
        number => vec![number.as_f64().ok_or_else(wrong)?],
    };
    match numbers[..] {
        [one] => Ok(vec![one; channels]),
        [one, ..] if numbers.len() != channels && numbers.iter().all(|&number| number == one) => {
            Ok(vec![one; channels])
        }
        _ if numbers.len() == channels => Ok(numbers),
        _ => Err(wrong()),
    }
}

impl Grey {
    /// Nougat's `crop_margin`: what is darker than 200 of 255 between the lightest and the darkest, and what lies between.
    fn trimmed(self) -> Self {
        let (darkest, lightest) =
            self.data.iter().fold((255, 0), |(low, high), &level| (level.min(low), level.max(high)));
        let range = f32::from(lightest) - f32::from(darkest);
        let is_ink = |level: u8| (f32::from(level) - f32::from(darkest)) / range * 255.0 < 200.0;
        let rows: Vec<&[u8]> = self.data.chunks_exact(self.size.width).collect();
        let inked = |row: &&[u8]| row.iter().any(|&level| is_ink(level));
        let (Some(top), Some(bottom)) = (rows.iter().position(inked), rows.iter().rposition(inked)) else {
            return self;
        };
        let left = rows.iter().filter_map(|row| row.iter().position(|&level| is_ink(level))).min().unwrap_or(0);
        let right = rows.iter().filter_map(|row| row.iter().rposition(|&level| is_ink(level))).max().unwrap_or(0);
        self.part(top, left, Size { height: bottom + 1 - top, width: right + 1 - left })
    }

    fn part(&self, top: usize, left: usize, size: Size) -> Self {
        let rows = self.data.chunks_exact(self.size.width).skip(top).take(size.height);
        Self { size, data: rows.flat_map(|row| &row[left..left + size.width]).copied().collect() }
    }

    /// By a quarter, clockwise.
    fn turned(&self) -> Self {
        let Size { height, width } = self.size;
        let data =
            (0..width).flat_map(|x| (0..height).rev().map(move |y| (x, y))).map(|(x, y)| self.data[y * width + x]);
        Self { size: Size { height: width, width: height }, data: data.collect() }
    }

    /// As Pillow does it: with a support as wide as the reduction.
    fn scaled(self, to: Size, filter: Option<FilterType>) -> Option<Self> {
        if to == self.size {
            return Some(self);
        }
        let alg = filter.map_or(ResizeAlg::Nearest, ResizeAlg::Convolution);
        let options = ResizeOptions::new().resize_alg(alg).use_alpha(false);
        let mut data = vec![0; to.height * to.width];
        let from =
            TypedImageRef::<U8>::from_buffer(self.size.width as u32, self.size.height as u32, &self.data).ok()?;
        let mut target = TypedImage::<U8>::from_buffer(to.width as u32, to.height as u32, &mut data).ok()?;
        Resizer::new().resize_typed(&from, &mut target, &options).ok()?;
        drop(target);
        Some(Self { size: to, data })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// White but for a black bar, 8 wide and 2 high, at (4, 3).
    fn bar(width: usize, height: usize) -> Vec<u8> {
        let is_ink = |x, y| (4..12).contains(&x) && (3..5).contains(&y);
        (0..width * height).map(|at| if is_ink(at % width, at / width) { 0 } else { 255 }).collect()
    }

    fn input(config: &Value, channels: usize, width: usize, height: usize) -> Tensor {
        let levels = bar(width, height);
        let preprocessor = Preprocessor::new(config, channels).unwrap();
        preprocessor.input(GrayCrop::new(&levels, width, height).unwrap()).unwrap()
    }

    #[test]
    fn a_vit_stretches_and_a_deit_cuts_out_the_middle() {
        let vit =
            json!({"feature_extractor_type": "ViTFeatureExtractor", "size": [32, 16], "image_std": [0.5, 0.25, 1.0]});
        let stretched = input(&vit, 3, 16, 8);
        assert_eq!(stretched.shape, [1, 3, 16, 32]);
        let at = |channel: usize, y: usize, x: usize| stretched.data[(channel * 16 + y) * 32 + x];
        assert_eq!([at(0, 7, 16), at(1, 7, 16), at(2, 7, 16)], [-1.0, -2.0, -0.5], "ink");
        assert_eq!([at(0, 0, 0), at(1, 15, 31), at(2, 0, 31)], [1.0, 2.0, 0.5], "paper");
        let deit = json!({"image_processor_type": "DeiTImageProcessor", "size": {"height": 8, "width": 16}, "crop_size": {"height": 2, "width": 8},
            "do_normalize": false});
        assert_eq!(input(&deit, 1, 16, 8), Tensor { shape: vec![1, 1, 2, 8], data: vec![0.0; 16] });
    }

    #[test]
    fn a_donut_keeps_proportions_between_black_and_a_nougat_trims_before() {
        let donut = |name: &str| json!({"image_processor_type": name, "size": {"height": 16, "width": 16}, "do_normalize": false});
        let row = |tensor: &Tensor, y: usize| tensor.data[y * 16..][..16].to_vec();
        // 16 x 8 stands in the middle of 16 x 16; what is around is level 0.
        let whole = input(&donut("DonutImageProcessor"), 1, 16, 8);
        assert_eq!((row(&whole, 3), row(&whole, 12)), (vec![0.0; 16], vec![0.0; 16]));
        assert_eq!(row(&whole, 4), vec![1.0; 16], "paper");
        assert_eq!(row(&whole, 7)[3..13], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0], "the bar");
        // Nothing but the bar is left, 16 x 4 of it; in the network's numbers black is not 0.
        let trimmed = input(
            &json!({"image_processor_type": "NougatImageProcessor", "size": 16, "image_mean": 0.5, "image_std": 0.5}),
            1,
            16,
            8,
        );
        assert!(trimmed.data.iter().all(|&number| number == -1.0));
        let open = json!({"image_processor_type": "DonutImageProcessor", "size": 16, "do_pad": false});
        assert_eq!(input(&open, 1, 16, 8).shape, [1, 1, 8, 16]);
        assert_eq!(Preprocessor::new(&open, 1).unwrap().size(), None);
    }

    #[test]
    fn a_long_axis_is_aligned_where_that_is_asked_for() {
        let aligned = json!({"image_processor_type": "DonutImageProcessor", "size": {"height": 16, "width": 8}, "do_align_long_axis": true,
            "do_normalize": false});
        let turned = input(&aligned, 1, 16, 8);
        // Clockwise: the bar's row 3 of 8 becomes column 4, its columns rows.
        let ink: Vec<usize> = (0..128).filter(|&at| turned.data[at] == 0.0).collect();
        let expected: Vec<usize> = (4..12).flat_map(|y| [y * 8 + 3, y * 8 + 4]).collect();
        assert_eq!((turned.shape, ink), (vec![1, 1, 16, 8], expected));
    }

    #[test]
    fn texteller_stands_at_the_left_and_top_and_nought_is_around_it() {
        let tensor = input(&json!({"image_processor_type": "TexTellerImageProcessor", "size": 17}), 1, 16, 8);
        assert_eq!(tensor.shape, [1, 1, 17, 17]);
        let ink = -0.954_546_7 / 0.153_944_45;
        // The bar of 8 x 2 becomes 17 x 4.
        let (bar, around) = tensor.data.split_at(17 * 4);
        assert!(bar.iter().all(|number| (number - ink).abs() < 1e-5) && around.iter().all(|&number| number == 0.0));
    }
}
