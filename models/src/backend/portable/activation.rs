//! What flows between the operations of a network.

/// `height` x `width` pixels, the channels of a pixel together, with zeros around them.
#[derive(Debug, Default)]
pub struct Activation {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// Rows of zeros above and below, columns of zeros on the left and on the right.
    pub padding: (usize, usize),
    pub data: Vec<f32>,
}

impl Activation {
    /// Of this size, in the memory of `buffer`. The padding is zero, the rest is whatever it was.
    pub fn in_memory(
        mut buffer: Vec<f32>,
        height: usize,
        width: usize,
        channels: usize,
        padding: (usize, usize),
    ) -> Self {
        let row = (width + 2 * padding.1) * channels;
        let length = (height + 2 * padding.0) * row;
        buffer.resize(length, 0.0);
        buffer[..padding.0 * row].fill(0.0);
        buffer[length - padding.0 * row..].fill(0.0);
        let side = padding.1 * channels;
        if side > 0 {
            for row in buffer[padding.0 * row..length - padding.0 * row].chunks_exact_mut(row) {
                let end = row.len() - side;
                row[..side].fill(0.0);
                row[end..].fill(0.0);
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

    /// The channels of the pixels of one row.
    pub fn row(&self, y: usize) -> &[f32] {
        let start = self.offset(y, 0);
        &self.data[start..start + self.width * self.channels]
    }

    pub fn row_mut(&mut self, y: usize) -> &mut [f32] {
        let start = self.offset(y, 0);
        &mut self.data[start..start + self.width * self.channels]
    }
}
