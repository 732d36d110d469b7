//! The functions of an encoder, in arithmetic that compilers turn into vector instructions.

#[cfg(target_arch = "x86_64")]
use crate::instructions::Instructions;

/// `e^x` for x from -87 to 88, to about one part in 10^7; what lies beyond counts as the nearest of these.
///
/// By powers of two and a polynomial, as in the Cephes library (S. Moshier).
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding it leaves the nearest whole number in the last bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let power = x * std::f32::consts::LOG2_E + ROUND;
    let whole = power - ROUND;
    let x = x - whole * 0.693_359_4 + whole * 2.121_944_4e-4;
    let p = 1.987_569_1e-4_f32;
    let p = p * x + 1.398_2e-3;
    let p = p * x + 8.333_452e-3;
    let p = p * x + 4.166_579_6e-2;
    let p = p * x + 1.666_666_5e-1;
    let p = p * x + 0.5;
    let value = p * x * x + x + 1.0;
    let scale = f32::from_bits(power.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23);
    value * scale
}

/// The error function, to 3 parts in 10^7: Abramowitz and Stegun, 7.1.26.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let size = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * size);
    let p = 1.061_405_4_f32;
    let p = p * t - 1.453_152;
    let p = p * t + 1.421_413_7;
    let p = p * t - 0.284_496_74;
    let p = p * t + 0.254_829_6;
    (1.0 - p * t * exp(-size * size)).copysign(x)
}

/// Runs `$plain` as it is compiled for AVX2, where the processor has that. Nothing is rounded otherwise: no product and sum are fused.
macro_rules! wide {
    ($name:ident, $plain:ident, $avx2:ident, $doc:literal) => {
        #[doc = $doc]
        pub fn $name(values: &mut [f32]) {
            #[cfg(target_arch = "x86_64")]
            if Instructions::chosen() >= Instructions::Avx2 {
                // SAFETY: the instructions are there.
                return unsafe { $avx2(values) };
            }
            $plain(values);
        }

        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2")]
        fn $avx2(values: &mut [f32]) {
            $plain(values);
        }
    };
}

wide!(gelu, gelu_plain, gelu_avx2, "`x / 2 * (1 + erf(x / sqrt 2))` of each: Hendrycks and Gimpel, 2016.");
wide!(softmax, softmax_plain, softmax_avx2, "Each to its exponential, over the sum of all.");

#[inline(always)]
fn gelu_plain(values: &mut [f32]) {
    for value in values {
        *value = *value * (1.0 + erf(*value * std::f32::consts::FRAC_1_SQRT_2)) * 0.5;
    }
}

#[inline(always)]
fn softmax_plain(row: &mut [f32]) {
    let largest = row.iter().copied().fold(f32::MIN, f32::max);
    row.iter_mut().for_each(|value| *value = exp(*value - largest));
    let over = 1.0 / sum(row, |value| value);
    row.iter_mut().for_each(|value| *value *= over);
}

/// The sum of `of` every number, in eight parts, so that it needs no more rounding or time than it must.
#[inline(always)]
pub fn sum(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let (blocks, rest) = row.as_chunks::<8>();
    let mut parts = [0.0f32; 8];
    for block in blocks {
        parts.iter_mut().zip(block).for_each(|(part, value)| *part += of(*value));
    }
    parts.iter().sum::<f32>() + rest.iter().map(|value| of(*value)).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_those_of_the_standard_library() {
        for x in (-8600..8700).map(|n| n as f32 / 100.0) {
            let (ours, theirs) = (exp(x), x.exp());
            assert!((ours - theirs).abs() <= 5e-7 * theirs, "{x}: {ours} {theirs}");
        }
        assert!(exp(-10_000.0) < 1e-37 && exp(0.0) == 1.0);
    }

    #[test]
    fn the_error_function_has_the_values_of_the_tables() {
        for (x, expected) in
            [(0.0, 0.0), (0.1, 0.112_462_92), (0.5, 0.520_499_9), (1.0, 0.842_700_8), (2.0, 0.995_322_3), (5.0, 1.0)]
        {
            assert!((erf(x) - expected).abs() < 5e-7 && (erf(-x) + expected).abs() < 5e-7, "{x}: {}", erf(x));
        }
    }

    #[test]
    fn wide_instructions_change_no_bit() {
        let values: Vec<f32> = (-500..500).map(|n| n as f32 * 0.013).collect();
        for (wide, plain) in
            [(gelu as fn(&mut [f32]), gelu_plain as fn(&mut [f32])), (softmax as fn(&mut [f32]), softmax_plain)]
        {
            let (mut a, mut b) = (values.clone(), values.clone());
            wide(&mut a);
            plain(&mut b);
            assert_eq!(a, b);
        }
    }

    #[test]
    fn shares_sum_to_one_however_large_the_scores() {
        for scores in [vec![1.0, 2.0, 3.0], vec![500.0; 33], vec![-500.0, 500.0]] {
            let mut shares = scores.clone();
            softmax(&mut shares);
            assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{scores:?}: {shares:?}");
        }
        let mut shares = [1.0, 2.0];
        softmax(&mut shares);
        assert!((shares[1] - 0.731_058_6).abs() < 1e-6, "{shares:?}");
    }
}
