//! Vectors that lie as those of sentences do, in groups of groups.

pub const DIMENSIONS: usize = 384;

/// Vectors of a group, and groups of a topic.
const GROUP: u64 = 10;
const TOPIC: u64 = 10;

/// Makes vectors by their number, the same every time.
pub struct MadeUp {
    grouped: bool,
}

/// PCG's multiplier; sums of four are nearly as a normal distribution has them.
fn direction(kind: u64, number: u64) -> impl Iterator<Item = f32> {
    let mut state = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ kind.wrapping_mul(0xbf58_476d_1ce4_e5b9)) | 1;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state ^ state >> 31) >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    next();
    std::iter::repeat_with(move || next() + next() + next() + next()).take(DIMENSIONS)
}

fn scale(vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.into_iter().map(|value| value / length).collect()
}

impl MadeUp {
    pub fn new(grouped: bool) -> Self {
        Self { grouped }
    }

    pub fn vector(&self, number: u64) -> Vec<f32> {
        let shared = if self.grouped { 1.0 } else { 0.0 };
        let group = direction(1, number / GROUP).zip(direction(2, number / GROUP / TOPIC));
        let own = direction(3, number).zip(group);
        scale(own.map(|(own, (group, topic))| own + shared * (group + topic)).collect())
    }

    /// Near to the vector of that number.
    pub fn query(&self, number: u64) -> Vec<f32> {
        let vector = self.vector(number);
        // Its values are about .05 and those of a direction 1.15.
        scale(vector.into_iter().zip(direction(4, number)).map(|(value, own)| value + 0.022 * own).collect())
    }
}
