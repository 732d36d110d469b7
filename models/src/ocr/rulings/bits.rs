//! A page's ink, a bit a pixel.

use crate::ocr::compact::resize::Plane;

/// Pixels of a word.
pub const WORD: usize = 64;

/// Rows of words; the first pixel is the lowest bit, and bits beyond the width are 0.
pub struct Bits {
    pub width: usize,
    pub height: usize,
    /// Words a row.
    words: usize,
    data: Vec<u64>,
}

impl Bits {
    /// What is darker than `ink` of the paper, which is the lightest third of the page.
    pub fn of_page(page: Plane<'_>, ink: f32) -> Self {
        let (width, height) = (page.width, page.height);
        let words = width.div_ceil(WORD);
        let limit = (f32::from(paper(page.data)) * ink) as u8;
        let mut data = Vec::with_capacity(words * height);
        for row in page.data.chunks_exact(width.max(1)).take(height) {
            darker(row, limit, &mut data);
        }
        Self { width, height, words, data }
    }

    /// Rows become columns.
    pub fn laid_over(&self) -> Self {
        let words = self.height.div_ceil(WORD);
        let mut data = vec![0; words * self.width];
        for (block, top) in (0..self.height).step_by(WORD).enumerate() {
            for column in 0..self.words {
                let mut square: [u64; WORD] = std::array::from_fn(|n| {
                    self.data
                        .get((top + n) * self.words + column)
                        .copied()
                        .filter(|_| top + n < self.height)
                        .unwrap_or(0)
                });
                if square.iter().all(|&word| word == 0) {
                    continue;
                }
                transpose(&mut square);
                let rows = (self.width - column * WORD).min(WORD);
                for (n, word) in square.into_iter().enumerate().take(rows) {
                    data[(column * WORD + n) * words + block] = word;
                }
            }
        }
        Self { width: self.height, height: self.width, words, data }
    }

    pub fn is_ink(&self, x: usize, y: usize) -> bool {
        x < self.width && y < self.height && self.data[y * self.words + x / WORD] >> (x % WORD) & 1 == 1
    }

    /// Tells the runs of ink in a row that have at least so many pixels, with gaps of at most `crack` pixels in them: from, to before.
    pub fn runs(&self, row: usize, shortest: usize, crack: usize, mut found: impl FnMut(usize, usize)) {
        let words = &self.data[row * self.words..][..self.words];
        let mut run: Option<(usize, usize)> = None;
        for (index, &word) in words.iter().enumerate() {
            let (mut rest, mut at) = (word, index * WORD);
            while rest != 0 {
                let gap = rest.trailing_zeros() as usize;
                rest >>= gap;
                at += gap;
                let length = rest.trailing_ones() as usize;
                run = match run {
                    Some((from, to)) if at <= to + crack => Some((from, at + length)),
                    Some((from, to)) => {
                        if to - from >= shortest {
                            found(from, to);
                        }
                        Some((at, at + length))
                    }
                    None => Some((at, at + length)),
                };
                rest = if length == WORD { 0 } else { rest >> length };
                at += length;
            }
        }
        if let Some((from, to)) = run
            && to - from >= shortest
        {
            found(from, to);
        }
    }
}

/// Gray level of the paper: of the lightest third of the page.
pub fn paper(data: &[u8]) -> u8 {
    // One of so many pixels is enough; not one of a power of two, which widths may be multiples of.
    const EVERY: usize = 61;
    // In four places in turn: equal values one after the other, which most are, would wait for each other.
    let mut counts = [[0_usize; 256]; 4];
    data.iter().step_by(EVERY).enumerate().for_each(|(n, &v)| counts[n % 4][usize::from(v)] += 1);
    let total = data.len().div_ceil(EVERY);
    let mut lighter = 0;
    let level = (0..256).rev().find(|&value| {
        lighter += counts.iter().map(|counts| counts[value]).sum::<usize>();
        3 * lighter >= total
    });
    level.unwrap_or(255) as u8
}

/// A bit for each pixel of a row, whether it is darker than `limit`: as many words as it takes, the first pixel the lowest bit.
pub fn darker(row: &[u8], limit: u8, words: &mut Vec<u64>) {
    let (whole, rest) = row.as_chunks::<WORD>();
    words.extend(whole.iter().map(|pixels| word(pixels, limit)));
    if !rest.is_empty() {
        // None is darker than white.
        let mut pixels = [u8::MAX; WORD];
        pixels[..rest.len()].copy_from_slice(rest);
        words.push(word(&pixels, limit));
    }
}

/// A bit for each pixel, the first the lowest: whether it is darker than `limit`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn word(pixels: &[u8; WORD], limit: u8) -> u64 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8, _mm_subs_epu8};
    let sixteens = pixels.as_chunks::<16>().0;
    sixteens.iter().rev().fold(0, |word, sixteen| {
        // SAFETY: every such CPU has these instructions; 16 bytes are read, and no alignment is asked for.
        let lighter = unsafe {
            let left = _mm_subs_epu8(_mm_set1_epi8(limit.cast_signed()), _mm_loadu_si128(sixteen.as_ptr().cast()));
            _mm_movemask_epi8(_mm_cmpeq_epi8(left, _mm_set1_epi8(0)))
        };
        word << 16 | u64::from(!lighter as u16)
    })
}

/// A bit for each pixel, the first the lowest: whether it is darker than `limit`.
#[cfg(not(target_arch = "x86_64"))]
fn word(pixels: &[u8; WORD], limit: u8) -> u64 {
    let eights = pixels.as_chunks::<8>().0;
    eights.iter().rev().fold(0, |word, &eight| word << 8 | darker_of_eight(eight, limit))
}

/// A bit for each of eight pixels, the first the lowest: whether it is darker than `limit`. Eight bytes at once.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn darker_of_eight(pixels: [u8; 8], limit: u8) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const LOW: u64 = 0x7f * EACH;
    const HIGH: u64 = 0x80 * EACH;
    let x = u64::from_le_bytes(pixels);
    let limit = u64::from(limit);
    // Sums of seven bits do not reach the next byte.
    let found = if limit <= 128 {
        (EACH * (127 + limit)).wrapping_sub(x & LOW) & !x & HIGH
    } else {
        (((!x & LOW) + EACH * (limit - 128)) | !x) & HIGH
    };
    (found >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Bit `n` of word `m` becomes bit `m` of word `n` (Hacker's Delight, 7-3).
fn transpose(square: &mut [u64; WORD]) {
    let (mut size, mut mask) = (WORD / 2, 0x0000_0000_ffff_ffff_u64);
    while size > 0 {
        let mut at = 0;
        while at < WORD {
            let swapped = (square[at] >> size ^ square[at + size]) & mask;
            square[at] ^= swapped << size;
            square[at + size] ^= swapped;
            at = (at + size + 1) & !size;
        }
        size /= 2;
        mask ^= mask << size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_pixels_are_compared_at_once_as_one_by_one() {
        for limit in 0..=255_u8 {
            for first in (0..=248_u8).step_by(3) {
                let pixels: [u8; 8] = std::array::from_fn(|n| first.wrapping_add((n * 37) as u8));
                let many: [u8; WORD] = std::array::from_fn(|n| first.wrapping_add((n * 37) as u8));
                let expected = pixels.iter().enumerate().fold(0, |bits, (n, &v)| bits | u64::from(v < limit) << n);
                assert_eq!(darker_of_eight(pixels, limit), expected, "{pixels:?} {limit}");
                let expected = many.iter().enumerate().fold(0, |bits, (n, &v)| bits | u64::from(v < limit) << n);
                assert_eq!(word(&many, limit), expected, "{many:?} {limit}");
            }
        }
    }

    #[test]
    fn a_page_laid_over_twice_is_the_page() {
        let (width, height) = (131, 70);
        let data: Vec<u8> = (0..width * height).map(|n| if n * n % 7 < 2 { 0 } else { 255 }).collect();
        let bits = Bits::of_page(Plane::new(&data, width, height), 0.8);
        let over = bits.laid_over();
        assert_eq!((over.width, over.height), (height, width));
        for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
            assert_eq!(bits.is_ink(x, y), data[y * width + x] == 0, "{x} {y}");
            assert_eq!(over.is_ink(y, x), bits.is_ink(x, y), "{x} {y}");
        }
        assert_eq!(over.laid_over().data, bits.data);
    }

    #[test]
    fn runs_are_told_over_words_and_cracks() {
        // With more paper than ink, as pages have.
        let mut data = vec![255_u8; 200 * 9];
        for x in (3..70).chain(72..100).chain(110..199) {
            data[x] = 0;
        }
        let bits = Bits::of_page(Plane::new(&data, 200, 9), 0.8);
        for (shortest, crack, expected) in [
            (10, 0, vec![(3, 70), (72, 100), (110, 199)]),
            (10, 2, vec![(3, 100), (110, 199)]),
            (90, 2, vec![(3, 100)]),
        ] {
            let mut found = Vec::new();
            bits.runs(0, shortest, crack, |from, to| found.push((from, to)));
            assert_eq!(found, expected, "{shortest} {crack}");
        }
    }
}
