//! Sums in the registers of 64-bit Arm processors.
//!
//! They multiply signed bytes with signed ones. A byte less 128 is one, which is its highest bit turned over; what that leaves out of a sum is the
//! same whatever goes in, and the sum begins with it: [`super::weights::Packing`].

use std::arch::{aarch64::*, asm};

use super::lanes::{Joining, Sums};
use crate::instructions::Instructions;

/// What the 8 sums of NEON have in common, however products are added to them. Only used inside kernels that are only called where the instructions
/// are there: that is what makes its methods safe.
macro_rules! sums_of_neon {
    (
        $(#[$doc:meta])*
        $name:ident, $kind:ty,
        |$four:ident| $values:expr,
        |$low:ident, $high:ident, $of:ident, $first:ident, $second:ident| $add:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name(int32x4_t, int32x4_t);

        impl Sums for $name {
            type Values = $kind;
            type Weights = [int8x16_t; 2];
            const INSTRUCTIONS: Instructions = Instructions::$name;
            const WIDTH: usize = 8;
            // With eight of one block there would be more pointers than registers for them.
            const ONE: usize = 4;
            const TWO: usize = 4;

            #[inline(always)]
            unsafe fn load(from: *const i32) -> Self {
                // SAFETY: see the type and the trait.
                unsafe { Self(vld1q_s32(from), vld1q_s32(from.add(4))) }
            }

            #[inline(always)]
            unsafe fn values(from: *const u8) -> $kind {
                // SAFETY: see the trait. Turned over before they are in a vector register: kernels keep the units for those busy.
                let four = unsafe { from.cast::<u32>().read_unaligned() } ^ 0x8080_8080;
                // SAFETY: see the type.
                unsafe {
                    let $four = vreinterpretq_s8_u32(vdupq_n_u32(four));
                    $values
                }
            }

            #[inline(always)]
            unsafe fn weights(from: *const i8) -> [int8x16_t; 2] {
                // SAFETY: see the type and the trait.
                unsafe { [vld1q_s8(from), vld1q_s8(from.add(16))] }
            }

            #[inline(always)]
            fn add_products(self, $of: $kind, [$first, $second]: [int8x16_t; 2]) -> Self {
                let Self($low, $high) = self;
                // SAFETY: see the type.
                unsafe { $add }
            }

            #[inline(always)]
            unsafe fn add_own_products(self, values: *const u8, weights: *const i32) -> Self {
                // SAFETY: see the type and the trait.
                unsafe {
                    let values = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(values)));
                    // Weights are bytes: the lower halves hold them.
                    let (low, high) = (vmovn_s32(vld1q_s32(weights)), vmovn_s32(vld1q_s32(weights.add(4))));
                    Self(vmlal_s16(self.0, vget_low_s16(values), low), vmlal_s16(self.1, vget_high_s16(values), high))
                }
            }

            #[inline(always)]
            unsafe fn scaled(self, scale: *const f32) -> Self {
                // SAFETY: see the type and the trait.
                let (low, high) = unsafe { (vld1q_f32(scale), vld1q_f32(scale.add(4))) };
                // SAFETY: see the type. To the nearest, of two as near to the even one.
                let of = |sum, scale| unsafe { vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(sum), scale)) };
                Self(of(self.0, low), of(self.1, high))
            }

            #[inline(always)]
            unsafe fn joined(self, joining: Joining, other: *const u8) -> Self {
                // SAFETY: see the type and the trait.
                unsafe {
                    let other = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(other)));
                    let [low, high] = [vmovl_s16(vget_low_s16(other)), vmovl_high_s16(other)];
                    let joined = |own, other| {
                        let own = vminq_s32(own, vdupq_n_s32(joining.most));
                        let own = vmaxq_s32(own, vdupq_n_s32(joining.least));
                        let other = vsubq_s32(other, vdupq_n_s32(joining.other_zero));
                        let own = vmulq_f32(vcvtq_f32_s32(own), vdupq_n_f32(joining.own_ratio));
                        let other = vmulq_f32(vcvtq_f32_s32(other), vdupq_n_f32(joining.other_ratio));
                        vcvtnq_s32_f32(vaddq_f32(own, other))
                    };
                    Self(joined(self.0, low), joined(self.1, high))
                }
            }

            #[inline(always)]
            unsafe fn store(self, zero: i32, to: *mut u8) {
                // SAFETY: see the type and the trait.
                unsafe {
                    let zero = vdupq_n_s32(zero);
                    // What does not fit becomes the nearest that does, in 16 bits and then in 8.
                    let low = vqmovn_s32(vaddq_s32(self.0, zero));
                    vst1_u8(to, vqmovun_s16(vqmovn_high_s32(low, vaddq_s32(self.1, zero))));
                }
            }

            #[inline(always)]
            unsafe fn store_floats(self, scale: *const f32, bias: *const f32, to: *mut f32) {
                for (part, sum) in [self.0, self.1].into_iter().enumerate() {
                    // SAFETY: see the type and the trait.
                    unsafe {
                        let scaled = vmulq_f32(vcvtq_f32_s32(sum), vld1q_f32(scale.add(4 * part)));
                        vst1q_f32(to.add(4 * part), vaddq_f32(scaled, vld1q_f32(bias.add(4 * part))));
                    }
                }
            }
        }
    };
}

sums_of_neon!(
    /// Products of the first and second weight of four are added in 16 bits, as are those of the third and fourth. No sum of two neighbours' products
    /// is too large for that: weights of which two are the least bytes are refused. Values are the first and third of four, and the others.
    Neon,
    [int8x16_t; 2],
    |four| [vuzp1q_s8(four, four), vuzp2q_s8(four, four)],
    |low, high, values, first, second| {
        let [odd, even] = values;
        let products = vmull_s8(vget_low_s8(first), vget_low_s8(odd));
        let pairs = vmlal_s8(products, vget_low_s8(second), vget_low_s8(even));
        let low = vpadalq_s16(low, pairs);
        let pairs = vmlal_high_s8(vmull_high_s8(first, odd), second, even);
        Self(low, vpadalq_s16(high, pairs))
    }
);

sums_of_neon!(
    /// With the instruction that adds four products to a sum.
    NeonDot,
    int8x16_t,
    |four| four,
    |low, high, values, first, second| Self(dot(low, values, first), dot(high, values, second))
);

/// `sdot`: adds to each sum the products of its four bytes.
///
/// # Safety
/// The processor has it.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot(mut sums: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // The intrinsic is not stable.
    // SAFETY: it reads and writes these registers alone.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {a:v}.16b, {b:v}.16b",
            sums = inout(vreg) sums,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
