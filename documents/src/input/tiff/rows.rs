//! Decompressed rows as they are to be read: differences added up, the highest byte of each sample first.

/// Values of Predictor (TIFF 6.0, section 14; technical note 3).
const HORIZONTAL: u16 = 2;
const FLOATING_POINT: u16 = 3;

/// How the samples of a chunk's rows are written.
#[derive(Clone, Copy)]
pub(super) struct Writing {
    /// Bytes a sample; 0 where samples are no whole bytes, which have neither order nor differences.
    pub(super) bytes: usize,
    /// From a sample to the next of the same channel.
    pub(super) channels: usize,
    pub(super) little_endian: bool,
    pub(super) predictor: u16,
}

impl Writing {
    /// Whether rows are as they should be already.
    pub(super) fn is_plain(self) -> bool {
        self.bytes == 0
            || (!matches!(self.predictor, HORIZONTAL | FLOATING_POINT) && (self.bytes == 1 || !self.little_endian))
    }

    pub(super) fn undo(self, row: &mut [u8]) {
        if self.predictor == FLOATING_POINT {
            // The bytes of a row are sorted by their place in a number, the highest ones first, whatever the order of the file.
            add_up::<1>(row, self.channels);
            let count = row.len() / self.bytes.max(1);
            let sorted = row.to_vec();
            for (i, number) in row.chunks_exact_mut(self.bytes).enumerate() {
                number.iter_mut().enumerate().for_each(|(byte, out)| *out = sorted[byte * count + i]);
            }
            return;
        }
        if self.little_endian && self.bytes > 1 {
            row.chunks_exact_mut(self.bytes).for_each(<[u8]>::reverse);
        }
        if self.predictor == HORIZONTAL {
            match self.bytes {
                1 => add_up::<1>(row, self.channels),
                2 => add_up::<2>(row, self.channels),
                3 => add_up::<3>(row, self.channels),
                4 => add_up::<4>(row, self.channels),
                8 => add_up::<8>(row, self.channels),
                _ => {}
            }
        }
    }
}

/// Each number of `N` bytes, the highest first, is its difference from the one `channels` before.
fn add_up<const N: usize>(row: &mut [u8], channels: usize) {
    let (numbers, _) = row.as_chunks_mut::<N>();
    for i in channels..numbers.len() {
        let before = numbers[i - channels];
        let mut carry = 0;
        for (byte, &before) in numbers[i].iter_mut().zip(&before).rev() {
            let sum = u16::from(*byte) + u16::from(before) + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_added_up_and_bytes_put_in_order() {
        let check = |bytes, channels, little_endian, predictor, row: &[u8], expected: &[u8]| {
            let writing = Writing { bytes, channels, little_endian, predictor };
            let mut row = row.to_vec();
            if !writing.is_plain() {
                writing.undo(&mut row);
            }
            assert_eq!(row, expected);
        };
        check(1, 1, true, 1, &[1, 2, 3], &[1, 2, 3]);
        check(1, 1, true, 2, &[250, 10, 1], &[250, 4, 5]);
        check(1, 2, true, 2, &[1, 2, 3, 4], &[1, 2, 4, 6]);
        check(2, 1, true, 1, &[1, 2, 3, 4], &[2, 1, 4, 3]);
        check(2, 1, true, 2, &[0xff, 0, 1, 0], &[0, 0xff, 1, 0]);
        check(2, 1, false, 2, &[0, 0xff, 0, 1], &[0, 0xff, 1, 0]);
        check(4, 1, true, 3, &[0x3f, 0, 0x41, 0x80, 0, 0, 0, 0], &[0x3f, 0x80, 0, 0, 0x3f, 0, 0, 0]);
        check(0, 1, true, 2, &[7, 7], &[7, 7]);
    }
}
