//! Scaling as OpenCV does it, which training's pictures were scaled by: areas are averaged where a picture shrinks (`INTER_AREA`), and pixels
//! blended where it grows (`INTER_LINEAR`, centres of pixels at halves).

/// Numbers of a part of a picture.
pub struct Source<'a> {
    pub data: &'a [f32],
    pub stride: usize,
    pub width: usize,
    pub height: usize,
}

/// What an output number is made of: inputs one after another from `first` on, with their weights.
struct Span {
    first: usize,
    weights: Vec<f32>,
}

/// `[height][width]`
pub fn resize(source: &Source<'_>, width: usize, height: usize, shrinks: bool) -> Vec<f32> {
    let spans = if shrinks { areas } else { blends };
    let (across, down) = (spans(source.width, width), spans(source.height, height));
    // Each row is scaled once; rows that an output row needs lie side by side.
    let mut rows = vec![0.0; source.height * width];
    for (y, row) in rows.chunks_exact_mut(width).enumerate() {
        let from = &source.data[y * source.stride..y * source.stride + source.width];
        for (to, span) in row.iter_mut().zip(&across) {
            *to = span.weights.iter().zip(&from[span.first..]).map(|(weight, value)| weight * value).sum();
        }
    }
    let mut scaled = vec![0.0f32; width * height];
    for (to, span) in scaled.chunks_exact_mut(width).zip(&down) {
        for (&weight, row) in span.weights.iter().zip(rows.chunks_exact(width).skip(span.first)) {
            to.iter_mut().zip(row).for_each(|(to, value)| *to += weight * value);
        }
    }
    scaled
}

/// The share of each input pixel that an output pixel covers.
fn areas(input: usize, output: usize) -> Vec<Span> {
    let scale = input as f64 / output as f64;
    // Slivers below a thousandth of a pixel are left out, and their weight with them.
    const SLIVER: f64 = 1e-3;
    (0..output)
        .map(|index| {
            let (from, to) = (index as f64 * scale, (index as f64 + 1.0) * scale);
            let cell = scale.min(input as f64 - from);
            let whole_to = (to.floor() as usize).min(input - 1);
            let whole_from = (from.ceil() as usize).min(whole_to);
            let mut span = Span { first: whole_from, weights: Vec::new() };
            if whole_from as f64 - from > SLIVER {
                span.first = whole_from - 1;
                span.weights.push(((whole_from as f64 - from) / cell) as f32);
            }
            span.weights.extend((whole_from..whole_to).map(|_| (1.0 / cell) as f32));
            if to - whole_to as f64 > SLIVER {
                span.weights.push(((to - whole_to as f64).min(1.0).min(cell) / cell) as f32);
            }
            span
        })
        .collect()
}

/// The two input pixels on either side.
fn blends(input: usize, output: usize) -> Vec<Span> {
    let scale = input as f64 / output as f64;
    (0..output)
        .map(|index| {
            let at = ((index as f64 + 0.5) * scale - 0.5) as f32;
            let left = at.floor();
            let share = at - left;
            if left < 0.0 {
                return Span { first: 0, weights: vec![1.0] };
            }
            let left = left as usize;
            if left + 1 >= input {
                return Span { first: input - 1, weights: vec![1.0] };
            }
            Span { first: left, weights: vec![1.0 - share, share] }
        })
        .collect()
}
