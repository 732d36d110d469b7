//! What is done to each pixel by itself, or to each channel: plain arithmetic that compilers turn into vector instructions, compiled for what
//! there is. No two operations are fused, so that every kind comes to the same.

use super::{Join, Shape, Steps, Weights, lanes::rounded};
use crate::{backend::portable::activation::Activation, instructions::Instructions};

/// Channels at a time.
const CHANNELS: usize = 16;

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
            let _ = instructions;
            $plain($($argument),*);
        }
    };
}

compiled!(
    /// Numbers to bytes.
    quantise, quantise_plain, (input: &Activation, to: Steps, output: &mut Activation<u8>));
compiled!(
    /// Bytes to the numbers that they stand for.
    dequantise, dequantise_plain, (input: &Activation<u8>, of: Steps, output: &mut Activation));
compiled!(
    /// Bytes of the sum of two values.
    add, add_plain, (own: &Activation<u8>, other: &Activation<u8>, join: &Join, output: &mut Activation<u8>));
compiled!(
    /// Each channel with weights of its own.
    depthwise, depthwise_plain,
    (weights: &Weights, input: &Activation<u8>, zero: u8, output: &mut Activation<u8>));

#[inline(always)]
fn byte(steps: i32, zero: u8) -> u8 {
    (steps + i32::from(zero)).clamp(0, 255) as u8
}

#[inline(always)]
fn quantise_plain(input: &Activation, to: Steps, output: &mut Activation<u8>) {
    for y in 0..output.height {
        for (byte_of, value) in output.row_mut(y).iter_mut().zip(input.row(y)) {
            // More than 255 steps away it is the last one in any case; what is no number is nothing.
            let steps = (value / to.scale).clamp(-256.0, 256.0);
            *byte_of = byte(rounded(if steps.is_nan() { 0.0 } else { steps }), to.zero);
        }
    }
}

#[inline(always)]
fn dequantise_plain(input: &Activation<u8>, of: Steps, output: &mut Activation) {
    for y in 0..output.height {
        for (value, byte) in output.row_mut(y).iter_mut().zip(input.row(y)) {
            *value = (i32::from(*byte) - i32::from(of.zero)) as f32 * of.scale;
        }
    }
}

#[inline(always)]
fn add_plain(own: &Activation<u8>, other: &Activation<u8>, join: &Join, output: &mut Activation<u8>) {
    let [own_ratio, other_ratio] = join.ratios();
    let (own_zero, other_zero) = (i32::from(join.own.zero), i32::from(join.other.zero));
    for y in 0..output.height {
        for ((sum, own), other) in output.row_mut(y).iter_mut().zip(own.row(y)).zip(other.row(y)) {
            let own = (i32::from(*own) - own_zero) as f32 * own_ratio;
            let other = (i32::from(*other) - other_zero) as f32 * other_ratio;
            *sum = byte(rounded(own + other), join.sum.zero);
        }
    }
}

#[inline(always)]
fn depthwise_plain(weights: &Weights, input: &Activation<u8>, zero: u8, output: &mut Activation<u8>) {
    let Shape { kernel: (rows, columns), stride, padding, outputs: channels, .. } = weights.shape;
    let (taps, whole) = (rows * columns, channels.next_multiple_of(CHANNELS));
    for y in 0..output.height {
        for x in 0..output.width {
            let at = |tap: usize| {
                let (r, c) = (tap / columns, tap % columns);
                input.offset_padded(y * stride.0 + r, x * stride.1 + c, padding)
            };
            for channel in (0..channels).step_by(CHANNELS) {
                let values = |tap: usize| -> &[u8; CHANNELS] {
                    input.data[at(tap) + channel..].first_chunk().expect("behind the last pixel there is more than a block")
                };
                let of_tap = |tap: usize| -> &[i16; CHANNELS] {
                    weights.by_channel[tap * whole + channel..].first_chunk().expect("weights are there for whole blocks")
                };
                let mut sums = [0i32; CHANNELS];
                sums.copy_from_slice(&weights.start[channel..channel + CHANNELS]);
                for tap in (0..taps).step_by(2) {
                    let (a, wa) = (values(tap), of_tap(tap));
                    // Two products fit into 16 bits.
                    if tap + 1 < taps {
                        let (b, wb) = (values(tap + 1), of_tap(tap + 1));
                        for k in 0..CHANNELS {
                            let both = (i16::from(a[k]) * wa[k]).wrapping_add(i16::from(b[k]) * wb[k]);
                            sums[k] += i32::from(both);
                        }
                    } else {
                        for k in 0..CHANNELS {
                            sums[k] += i32::from(i16::from(a[k]) * wa[k]);
                        }
                    }
                }
                let mut bytes = [0; CHANNELS];
                for k in 0..CHANNELS {
                    bytes[k] = byte(rounded(sums[k] as f32 * weights.scale[channel + k]), zero);
                }
                let (count, to) = ((channels - channel).min(CHANNELS), output.offset(y, x) + channel);
                output.data[to..to + count].copy_from_slice(&bytes[..count]);
            }
        }
    }
}
