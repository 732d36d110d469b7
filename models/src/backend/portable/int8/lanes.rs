//! Sums of a few outputs, in whatever registers a CPU has: what the kernels in 8 bits are written in.

use super::{Join, weights::QUAD};
use crate::instructions::Instructions;

/// As the kernels use it: zeros as whole numbers, ratios of steps.
#[derive(Clone, Copy)]
pub struct Joining {
    /// What the sum's own bytes can be, less their zero.
    pub least: i32,
    pub most: i32,
    pub own_ratio: f32,
    pub other_zero: i32,
    pub other_ratio: f32,
}

impl Joining {
    pub fn of(join: &Join) -> Self {
        let zero = i32::from(join.own.zero);
        let [own_ratio, other_ratio] = join.ratios();
        Self { least: -zero, most: 255 - zero, own_ratio, other_zero: join.other.zero.into(), other_ratio }
    }
}

/// A 32-bit sum for each of [`Sums::WIDTH`] outputs.
///
/// Its methods take pointers because the loops that call them have checked once what they read: each says how much that is.
pub trait Sums: Copy {
    /// Four bytes, for every output.
    type Values: Copy;
    /// Four weights of every output, as they were packed for these registers.
    type Weights: Copy;
    /// What weights must be packed for.
    const INSTRUCTIONS: Instructions;
    const WIDTH: usize;
    /// Pixels at a time with one block of outputs and with two: as many as the registers hold.
    const ONE: usize;
    const TWO: usize;
    /// Whether two fours of products together cost less than one after the other.
    const IN_PAIRS: bool = false;

    /// # Safety
    /// `WIDTH` numbers can be read.
    unsafe fn load(from: *const i32) -> Self;

    /// # Safety
    /// Four bytes can be read.
    unsafe fn values(from: *const u8) -> Self::Values;

    /// # Safety
    /// `4 * WIDTH` bytes can be read.
    unsafe fn weights(from: *const i8) -> Self::Weights;

    /// Adds four products to each sum.
    fn add_products(self, values: Self::Values, weights: Self::Weights) -> Self;

    /// The same of two fours that fit together: see [`super::pairs`].
    #[inline(always)]
    fn add_two(self, values: [Self::Values; 2], weights: [Self::Weights; 2]) -> Self {
        self.add_products(values[0], weights[0]).add_products(values[1], weights[1])
    }

    /// Adds to each sum the product of a value and a weight of its own.
    ///
    /// # Safety
    /// `WIDTH` bytes and numbers can be read.
    unsafe fn add_own_products(self, values: *const u8, weights: *const i32) -> Self;

    /// Each times its scale, rounded.
    ///
    /// # Safety
    /// `WIDTH` numbers can be read.
    unsafe fn scaled(self, scale: *const f32) -> Self;

    /// Whole steps of an own value to those of its sum with another.
    ///
    /// # Safety
    /// `WIDTH` bytes can be read.
    unsafe fn joined(self, joining: Joining, other: *const u8) -> Self;

    /// Writes them as bytes, `zero` added, no less than 0 and no more than 255.
    ///
    /// # Safety
    /// `WIDTH` bytes can be written.
    unsafe fn store(self, zero: i32, to: *mut u8);

    /// The same for those of two blocks.
    ///
    /// # Safety
    /// `2 * WIDTH` bytes can be written.
    #[inline(always)]
    unsafe fn store_two(self, next: Self, zero: i32, to: *mut u8) {
        // SAFETY: see above.
        unsafe {
            self.store(zero, to);
            next.store(zero, to.add(Self::WIDTH));
        }
    }

    /// Writes each times its scale, plus its bias.
    ///
    /// # Safety
    /// `WIDTH` numbers can be read of each, and written.
    unsafe fn store_floats(self, scale: *const f32, bias: *const f32, to: *mut f32);
}

/// The nearest whole number, of two as near to the even one, of a number less than four million in size: what the addition of this one leaves in the
/// last bits.
#[inline(always)]
pub fn rounded(value: f32) -> i32 {
    const ROUND: f32 = 12_582_912.0;
    (value + ROUND).to_bits().wrapping_sub(ROUND.to_bits()).cast_signed()
}

const PLAIN: usize = 8;

#[derive(Clone, Copy)]
pub struct Plain([i32; PLAIN]);

impl Sums for Plain {
    type Values = [u8; QUAD];
    type Weights = [i8; PLAIN * QUAD];
    const INSTRUCTIONS: Instructions = Instructions::Plain;
    const WIDTH: usize = PLAIN;
    const ONE: usize = 4;
    const TWO: usize = 4;

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        // SAFETY: see the trait.
        Self(unsafe { from.cast::<[i32; PLAIN]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn values(from: *const u8) -> Self::Values {
        // SAFETY: see the trait.
        unsafe { from.cast::<[u8; QUAD]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn weights(from: *const i8) -> Self::Weights {
        // SAFETY: see the trait.
        unsafe { from.cast::<[i8; PLAIN * QUAD]>().read_unaligned() }
    }

    #[inline(always)]
    fn add_products(mut self, values: Self::Values, weights: Self::Weights) -> Self {
        // Two products fit into 16 bits, where the least of instructions multiply quickest.
        for pair in [0, 2] {
            let (a, b) = (i16::from(values[pair]), i16::from(values[pair + 1]));
            for output in 0..PLAIN {
                let (wa, wb) = (weights[pair * PLAIN + output], weights[(pair + 1) * PLAIN + output]);
                let both = a.wrapping_mul(wa.into()).wrapping_add(b.wrapping_mul(wb.into()));
                self.0[output] += i32::from(both);
            }
        }
        self
    }

    #[inline(always)]
    unsafe fn add_own_products(mut self, values: *const u8, weights: *const i32) -> Self {
        // SAFETY: see the trait.
        let (values, weights) =
            unsafe { (values.cast::<[u8; PLAIN]>().read_unaligned(), weights.cast::<[i32; PLAIN]>().read_unaligned()) };
        for ((sum, value), weight) in self.0.iter_mut().zip(values).zip(weights) {
            *sum += i32::from(i16::from(value).wrapping_mul(weight as i16));
        }
        self
    }

    #[inline(always)]
    unsafe fn scaled(mut self, scale: *const f32) -> Self {
        // SAFETY: see the trait.
        let scale = unsafe { scale.cast::<[f32; PLAIN]>().read_unaligned() };
        for (value, scale) in self.0.iter_mut().zip(scale) {
            *value = rounded(*value as f32 * scale);
        }
        self
    }

    #[inline(always)]
    unsafe fn joined(mut self, joining: Joining, other: *const u8) -> Self {
        // SAFETY: see the trait.
        let other = unsafe { other.cast::<[u8; PLAIN]>().read_unaligned() };
        for (value, other) in self.0.iter_mut().zip(other) {
            let own = (*value).clamp(joining.least, joining.most) as f32 * joining.own_ratio;
            let other = (i32::from(other) - joining.other_zero) as f32 * joining.other_ratio;
            *value = rounded(own + other);
        }
        self
    }

    #[inline(always)]
    unsafe fn store(self, zero: i32, to: *mut u8) {
        let bytes = self.0.map(|value| (value + zero).clamp(0, 255) as u8);
        // SAFETY: see the trait.
        unsafe { to.cast::<[u8; PLAIN]>().write_unaligned(bytes) };
    }

    #[inline(always)]
    unsafe fn store_floats(self, scale: *const f32, bias: *const f32, to: *mut f32) {
        for (output, sum) in self.0.into_iter().enumerate() {
            // SAFETY: see the trait.
            unsafe { *to.add(output) = sum as f32 * *scale.add(output) + *bias.add(output) };
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub mod x86 {
    use std::arch::x86_64::*;

    use super::{Instructions, Joining, Sums};

    /// What the 8 sums of AVX2 have in common, however products are added to them. Only used inside kernels that are only called where the
    /// instructions are there: that is what makes its methods safe.
    macro_rules! sums_of_avx2 {
        ($(#[$doc:meta])* $name:ident, |$sum:ident, $values:ident, $weights:ident| $add:expr $(, { $($more:tt)* })?) => {
            $(#[$doc])*
            #[derive(Clone, Copy)]
            pub struct $name(__m256i);

            impl Sums for $name {
                type Values = __m256i;
                type Weights = __m256i;
                const INSTRUCTIONS: Instructions = Instructions::$name;
                const WIDTH: usize = 8;
                const ONE: usize = 8;
                const TWO: usize = 4;

                #[inline(always)]
                unsafe fn load(from: *const i32) -> Self {
                    // SAFETY: see the type and the trait.
                    Self(unsafe { _mm256_loadu_si256(from.cast()) })
                }

                #[inline(always)]
                unsafe fn values(from: *const u8) -> __m256i {
                    // SAFETY: see the type and the trait.
                    unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) }
                }

                #[inline(always)]
                unsafe fn weights(from: *const i8) -> __m256i {
                    // SAFETY: see the type and the trait.
                    unsafe { _mm256_loadu_si256(from.cast()) }
                }

                #[inline(always)]
                fn add_products(self, $values: __m256i, $weights: __m256i) -> Self {
                    let $sum = self.0;
                    // SAFETY: see the type.
                    Self(unsafe { $add })
                }

                $($($more)*)?

                #[inline(always)]
                unsafe fn add_own_products(self, values: *const u8, weights: *const i32) -> Self {
                    // SAFETY: see the type and the trait.
                    unsafe {
                        let values = _mm256_cvtepu8_epi32(_mm_loadl_epi64(values.cast()));
                        // The upper half of a value is nothing, so that the pair of products is the one of the lower halves.
                        Self(_mm256_add_epi32(self.0, _mm256_madd_epi16(values, _mm256_loadu_si256(weights.cast()))))
                    }
                }

                #[inline(always)]
                unsafe fn scaled(self, scale: *const f32) -> Self {
                    // SAFETY: see the type and the trait.
                    unsafe { Self(_mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(self.0), _mm256_loadu_ps(scale)))) }
                }

                #[inline(always)]
                unsafe fn joined(self, joining: Joining, other: *const u8) -> Self {
                    // SAFETY: see the type and the trait.
                    unsafe {
                        let own = _mm256_min_epi32(self.0, _mm256_set1_epi32(joining.most));
                        let own = _mm256_max_epi32(own, _mm256_set1_epi32(joining.least));
                        let other = _mm256_cvtepu8_epi32(_mm_loadl_epi64(other.cast()));
                        let other = _mm256_sub_epi32(other, _mm256_set1_epi32(joining.other_zero));
                        let own = _mm256_mul_ps(_mm256_cvtepi32_ps(own), _mm256_set1_ps(joining.own_ratio));
                        let other = _mm256_mul_ps(_mm256_cvtepi32_ps(other), _mm256_set1_ps(joining.other_ratio));
                        Self(_mm256_cvtps_epi32(_mm256_add_ps(own, other)))
                    }
                }

                #[inline(always)]
                unsafe fn store(self, zero: i32, to: *mut u8) {
                    // SAFETY: see the type and the trait.
                    unsafe {
                        let shifted = _mm256_add_epi32(self.0, _mm256_set1_epi32(zero));
                        // Within each half: four numbers of 16 bits, then four bytes.
                        let words = _mm256_packs_epi32(shifted, shifted);
                        let bytes = _mm256_packus_epi16(words, words);
                        let (low, high) = (_mm256_castsi256_si128(bytes), _mm256_extracti128_si256::<1>(bytes));
                        _mm_storel_epi64(to.cast(), _mm_unpacklo_epi32(low, high));
                    }
                }

                #[inline(always)]
                unsafe fn store_two(self, next: Self, zero: i32, to: *mut u8) {
                    // SAFETY: see the type and the trait.
                    unsafe {
                        let shift = _mm256_set1_epi32(zero);
                        let words = _mm256_packs_epi32(_mm256_add_epi32(self.0, shift), _mm256_add_epi32(next.0, shift));
                        let bytes = _mm256_packus_epi16(words, words);
                        // Four of the first block and four of the next in each half.
                        let order = _mm256_setr_epi32(0, 4, 1, 5, 0, 4, 1, 5);
                        let bytes = _mm256_permutevar8x32_epi32(bytes, order);
                        _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(bytes));
                    }
                }

                #[inline(always)]
                unsafe fn store_floats(self, scale: *const f32, bias: *const f32, to: *mut f32) {
                    // SAFETY: see the type and the trait.
                    unsafe {
                        let scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(self.0), _mm256_loadu_ps(scale));
                        _mm256_storeu_ps(to, _mm256_add_ps(scaled, _mm256_loadu_ps(bias)));
                    }
                }
            }
        };
    }

    sums_of_avx2!(
        /// Products in pairs in 16 bits, which weights of 7 bits cannot overflow.
        Avx2,
        |sum, values, weights| {
            let pairs = _mm256_maddubs_epi16(values, weights);
            _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
        },
        {
            const IN_PAIRS: bool = true;

            #[inline(always)]
            fn add_two(self, values: [__m256i; 2], weights: [__m256i; 2]) -> Self {
                // SAFETY: see the type.
                unsafe {
                    let first = _mm256_maddubs_epi16(values[0], weights[0]);
                    let pairs = _mm256_add_epi16(first, _mm256_maddubs_epi16(values[1], weights[1]));
                    Self(_mm256_add_epi32(self.0, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))))
                }
            }
        }
    );

    sums_of_avx2!(
        /// With the instruction that adds four products to a sum.
        AvxVnni,
        |sum, values, weights| _mm256_dpbusd_avx_epi32(sum, values, weights)
    );

    /// The same for the 16 sums of AVX-512.
    macro_rules! sums_of_avx512 {
        ($(#[$doc:meta])* $name:ident, |$sum:ident, $values:ident, $weights:ident| $add:expr $(, { $($more:tt)* })?) => {
            $(#[$doc])*
            #[derive(Clone, Copy)]
            pub struct $name(__m512i);

            impl Sums for $name {
                type Values = __m512i;
                type Weights = __m512i;
                const INSTRUCTIONS: Instructions = Instructions::$name;
                const WIDTH: usize = 16;
                const ONE: usize = 8;
                const TWO: usize = 8;

                #[inline(always)]
                unsafe fn load(from: *const i32) -> Self {
                    // SAFETY: see the type and the trait.
                    Self(unsafe { _mm512_loadu_si512(from.cast()) })
                }

                #[inline(always)]
                unsafe fn values(from: *const u8) -> __m512i {
                    // SAFETY: see the type and the trait.
                    unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) }
                }

                #[inline(always)]
                unsafe fn weights(from: *const i8) -> __m512i {
                    // SAFETY: see the type and the trait.
                    unsafe { _mm512_loadu_si512(from.cast()) }
                }

                #[inline(always)]
                fn add_products(self, $values: __m512i, $weights: __m512i) -> Self {
                    let $sum = self.0;
                    // SAFETY: see the type.
                    Self(unsafe { $add })
                }

                $($($more)*)?

                #[inline(always)]
                unsafe fn add_own_products(self, values: *const u8, weights: *const i32) -> Self {
                    // SAFETY: see the type and the trait.
                    unsafe {
                        let values = _mm512_cvtepu8_epi32(_mm_loadu_si128(values.cast()));
                        // The upper half of a value is nothing, so that the pair of products is the one of the lower halves.
                        Self(_mm512_add_epi32(self.0, _mm512_madd_epi16(values, _mm512_loadu_si512(weights.cast()))))
                    }
                }

                #[inline(always)]
                unsafe fn scaled(self, scale: *const f32) -> Self {
                    // SAFETY: see the type and the trait.
                    unsafe { Self(_mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(self.0), _mm512_loadu_ps(scale)))) }
                }

                #[inline(always)]
                unsafe fn joined(self, joining: Joining, other: *const u8) -> Self {
                    // SAFETY: see the type and the trait.
                    unsafe {
                        let own = _mm512_min_epi32(self.0, _mm512_set1_epi32(joining.most));
                        let own = _mm512_max_epi32(own, _mm512_set1_epi32(joining.least));
                        let other = _mm512_cvtepu8_epi32(_mm_loadu_si128(other.cast()));
                        let other = _mm512_sub_epi32(other, _mm512_set1_epi32(joining.other_zero));
                        let own = _mm512_mul_ps(_mm512_cvtepi32_ps(own), _mm512_set1_ps(joining.own_ratio));
                        let other = _mm512_mul_ps(_mm512_cvtepi32_ps(other), _mm512_set1_ps(joining.other_ratio));
                        Self(_mm512_cvtps_epi32(_mm512_add_ps(own, other)))
                    }
                }

                #[inline(always)]
                unsafe fn store(self, zero: i32, to: *mut u8) {
                    // SAFETY: see the type and the trait.
                    unsafe {
                        let shifted = _mm512_add_epi32(self.0, _mm512_set1_epi32(zero));
                        let bytes = _mm512_cvtusepi32_epi8(_mm512_max_epi32(shifted, _mm512_setzero_si512()));
                        _mm_storeu_si128(to.cast(), bytes);
                    }
                }

                #[inline(always)]
                unsafe fn store_floats(self, scale: *const f32, bias: *const f32, to: *mut f32) {
                    // SAFETY: see the type and the trait.
                    unsafe {
                        let scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(self.0), _mm512_loadu_ps(scale));
                        _mm512_storeu_ps(to, _mm512_add_ps(scaled, _mm512_loadu_ps(bias)));
                    }
                }
            }
        };
    }

    sums_of_avx512!(
        /// As [`Avx2`].
        Avx512,
        |sum, values, weights| {
            let pairs = _mm512_maddubs_epi16(values, weights);
            _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)))
        },
        {
            const IN_PAIRS: bool = true;

            #[inline(always)]
            fn add_two(self, values: [__m512i; 2], weights: [__m512i; 2]) -> Self {
                // SAFETY: see the type.
                unsafe {
                    let first = _mm512_maddubs_epi16(values[0], weights[0]);
                    let pairs = _mm512_add_epi16(first, _mm512_maddubs_epi16(values[1], weights[1]));
                    Self(_mm512_add_epi32(self.0, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1))))
                }
            }
        }
    );

    sums_of_avx512!(
        /// As [`AvxVnni`].
        Avx512Vnni,
        |sum, values, weights| _mm512_dpbusd_epi32(sum, values, weights)
    );
}
