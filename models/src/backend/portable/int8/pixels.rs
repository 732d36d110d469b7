//! What is done to each number by itself: plain arithmetic that compilers turn into vector instructions, compiled for what
//! there is. No two operations are fused, so that every kind comes to the same.

use super::{Join, Steps, lanes::rounded};
use crate::instructions::Instructions;

/// `$name` runs `$plain` as it is compiled for the instructions.
macro_rules! compiled {
    ($(#[$doc:meta])* $name:ident, $plain:ident, ($($argument:ident: $kind:ty),*)) => {
        $(#[$doc])*
        pub fn $name(instructions: Instructions, $($argument: $kind),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($argument: $kind),*) {
                    $plain($($argument),*);
                }
                #[target_feature(enable = "avx2,fma,avx512f,avx512bw")]
                fn avx512($($argument: $kind),*) {
                    $plain($($argument),*);
                }
                if instructions >= Instructions::Avx512 {
                    // SAFETY: the instructions are there.
                    return unsafe { avx512($($argument),*) };
                }
                if instructions >= Instructions::Avx2 {
                    // SAFETY: the instructions are there.
                    return unsafe { avx2($($argument),*) };
                }
            }
            // What a 64-bit Arm processor has of vectors this is compiled for.
            let _ = instructions;
            $plain($($argument),*);
        }
    };
}

compiled!(
    /// Numbers to bytes.
    quantise, quantise_plain, (input: &[f32], to: Steps, output: &mut [u8]));
compiled!(
    /// Bytes to the numbers that they stand for.
    dequantise, dequantise_plain, (input: &[u8], of: Steps, output: &mut [f32]));
compiled!(
    /// Bytes of the sum of two values.
    add, add_plain, (own: &[u8], other: &[u8], join: &Join, output: &mut [u8]));
#[inline(always)]
fn byte(steps: i32, zero: u8) -> u8 {
    (steps + i32::from(zero)).clamp(0, 255) as u8
}

#[inline(always)]
fn quantise_plain(input: &[f32], to: Steps, output: &mut [u8]) {
    for (byte_of, value) in output.iter_mut().zip(input) {
        // More than 255 steps away it is the last one in any case; what is no number is nothing.
        let steps = (value / to.scale).clamp(-256.0, 256.0);
        *byte_of = byte(rounded(if steps.is_nan() { 0.0 } else { steps }), to.zero);
    }
}

#[inline(always)]
fn dequantise_plain(input: &[u8], of: Steps, output: &mut [f32]) {
    for (value, byte) in output.iter_mut().zip(input) {
        *value = (i32::from(*byte) - i32::from(of.zero)) as f32 * of.scale;
    }
}

#[inline(always)]
fn add_plain(own: &[u8], other: &[u8], join: &Join, output: &mut [u8]) {
    let [own_ratio, other_ratio] = join.ratios();
    let (own_zero, other_zero) = (i32::from(join.own.zero), i32::from(join.other.zero));
    for ((sum, own), other) in output.iter_mut().zip(own).zip(other) {
        let own = (i32::from(*own) - own_zero) as f32 * own_ratio;
        let other = (i32::from(*other) - other_zero) as f32 * other_ratio;
        *sum = byte(rounded(own + other), join.sum.zero);
    }
}
