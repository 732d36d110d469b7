//! What flows between the operations of a network.

/// What an activation is made of.
pub trait Number: Copy + Default {
    /// Numbers behind the last pixel, of no meaning, so that a kernel may load whole registers there, too.
    const SLACK: usize;
}

impl Number for f32 {
    const SLACK: usize = 0;
}

impl Number for u8 {
    const SLACK: usize = 64;
}

/// `height` x `width` pixels, the channels of a pixel together, with padding around them.
#[derive(Debug, Default)]
pub struct Activation<T = f32> {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// Rows above and below, columns on the left and on the right, that stand for nothing: zeros, or what means zero.
    pub padding: (usize, usize),
    pub data: Vec<T>,
}

impl Activation {
    /// Of this size and not longer, in the memory of `buffer`. The padding is zero, the rest is whatever it was.
    pub fn in_memory(
        mut buffer: Vec<f32>,
        height: usize,
        width: usize,
        channels: usize,
        padding: (usize, usize),
    ) -> Self {
        buffer.truncate((height + 2 * padding.0) * (width + 2 * padding.1) * channels);
        Self::surrounded_by(0.0, buffer, [height, width, channels], padding)
    }
}

impl<T: Number> Activation<T> {
    /// Of this height, width and channels, in the memory of `buffer`. The padding is `around`, the rest is whatever it was, and what the
    /// buffer is longer by stays, of no meaning: to make it shorter would cost filling it again.
    pub fn surrounded_by(
        around: T,
        mut buffer: Vec<T>,
        [height, width, channels]: [usize; 3],
        padding: (usize, usize),
    ) -> Self {
        let row = (width + 2 * padding.1) * channels;
        let length = (height + 2 * padding.0) * row;
        if buffer.len() < length + T::SLACK {
            buffer.resize(length + T::SLACK, T::default());
        }
        let pixels = padding.0 * row..length - padding.0 * row;
        buffer[..pixels.start].fill(around);
        buffer[pixels.end..length].fill(around);
        let side = padding.1 * channels;
        if side > 0 {
            for row in buffer[pixels].chunks_exact_mut(row) {
                let end = row.len() - side;
                row[..side].fill(around);
                row[end..].fill(around);
            }
        }
        Self { height, width, channels, padding, data: buffer }
    }

    /// Where the channels of a pixel begin.
    #[inline(always)]
    pub fn offset(&self, y: usize, x: usize) -> usize {
        ((y + self.padding.0) * (self.width + 2 * self.padding.1) + x + self.padding.1) * self.channels
    }

    /// The same for a pixel counted from within `padding` rows above and columns left of the first one.
    #[inline(always)]
    pub fn offset_padded(&self, y: usize, x: usize, padding: (usize, usize)) -> usize {
        let (y, x) = (y + self.padding.0 - padding.0, x + self.padding.1 - padding.1);
        (y * (self.width + 2 * self.padding.1) + x) * self.channels
    }

    /// From a pixel to the one below.
    pub fn pitch(&self) -> usize {
        (self.width + 2 * self.padding.1) * self.channels
    }

    /// The channels of the pixels of one row.
    pub fn row(&self, y: usize) -> &[T] {
        let start = self.offset(y, 0);
        &self.data[start..start + self.width * self.channels]
    }

    pub fn row_mut(&mut self, y: usize) -> &mut [T] {
        let start = self.offset(y, 0);
        &mut self.data[start..start + self.width * self.channels]
    }

    pub fn is_as_large_as<U: Number>(&self, other: &Activation<U>) -> bool {
        (self.height, self.width, self.channels) == (other.height, other.width, other.channels)
    }
}

/// Copies as many numbers as `to` has room for; of the counts that blocks of channels end in, without a call.
#[inline(always)]
pub fn copy_first<T: Number, const N: usize>(values: &[T; N], to: &mut [T]) {
    match to.len() {
        4 => to.copy_from_slice(&values[..4]),
        8 => to.copy_from_slice(&values[..8]),
        12 => to.copy_from_slice(&values[..12]),
        count => to.copy_from_slice(&values[..count]),
    }
}
