//! How a vector is stored and kept. The table has 16 bits a value (768 bytes for 384): a cosine moves by less than .00002, which is less than
//! what two runtimes differ by. In memory, where vectors are only sorted out, there are 8 bits a value and the sign.

/// Largest value of a stored vector.
const LARGEST: f32 = 32_767.0;

/// Scales to length 1; `None` where there is no direction: all zero, or not finite.
pub fn scale_to_one(vector: &[f32]) -> Option<Vec<f32>> {
    let square: f64 = vector.iter().map(|value| f64::from(*value) * f64::from(*value)).sum();
    let length = square.sqrt();
    (length.is_finite() && length > f64::from(f32::MIN_POSITIVE))
        .then(|| vector.iter().map(|value| (f64::from(*value) / length) as f32).collect())
}

/// As bytes of the table. `vector` has length 1.
pub fn encode(vector: &[f32]) -> Vec<u8> {
    let scale = LARGEST / largest(vector);
    vector.iter().flat_map(|value| ((value * scale).round() as i16).to_le_bytes()).collect()
}

/// From bytes of the table, with length 1; `None` for what no vector of so many values has as its bytes.
pub fn decode(bytes: &[u8], dimensions: usize) -> Option<Vec<f32>> {
    scale_to_one(&direction(bytes, dimensions)?)
}

/// As [`decode`], of whatever length: all that an index needs.
pub fn direction(bytes: &[u8], dimensions: usize) -> Option<Vec<f32>> {
    let (values, rest) = bytes.as_chunks::<2>();
    let is_one = values.len() == dimensions && rest.is_empty() && bytes.iter().any(|byte| *byte != 0);
    is_one.then(|| values.iter().map(|bytes| f32::from(i16::from_le_bytes(*bytes))).collect())
}

/// Of two vectors of length 1.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    // Sixteen sums, which the compiler keeps in registers.
    let mut sums = [0.0_f32; 16];
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    for (a, b) in a.iter().zip(b) {
        for at in 0..16 {
            sums[at] += a[at] * b[at];
        }
    }
    sums.iter().sum::<f32>() + rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum::<f32>()
}

/// Beside a number as large as this a float has room for whole numbers alone: its last bits are what was added, rounded.
const WHOLE: f32 = 12_582_912.0;

/// 8 bits a value.
pub fn small(vector: &[f32]) -> Vec<i8> {
    let scale = 127.0 / largest(vector);
    vector.iter().map(|value| (value * scale + WHOLE).to_bits() as i8).collect()
}

/// One bit a value, whether it is negative; the first in the lowest bit.
pub fn signs(vector: &[i8]) -> impl Iterator<Item = u64> {
    vector
        .chunks(64)
        .map(|values| values.iter().enumerate().fold(0, |word, (at, value)| word | u64::from(*value < 0) << at))
}

fn largest(vector: &[f32]) -> f32 {
    vector.iter().fold(f32::MIN_POSITIVE, |largest, value| largest.max(value.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_vector_is_the_vector_and_what_is_none_is_refused() {
        let vector = scale_to_one(&(0..384).map(|i| ((i * 37 % 101) as f32 - 50.0) * 3.0).collect::<Vec<_>>()).unwrap();
        let stored = decode(&encode(&vector), 384).unwrap();
        assert!(1.0 - cosine(&vector, &stored) < 1e-6);
        assert!(vector.iter().zip(&stored).all(|(a, b)| (a - b).abs() < 1e-5));
        assert_eq!(decode(&encode(&vector), 383), None);
        assert_eq!(decode(&[0; 768], 384), None);
        assert_eq!(decode(&[1; 767], 384), None);
        for bad in [f32::NAN, f32::INFINITY, 0.0] {
            assert_eq!(scale_to_one(&[bad, 0.0]), None);
        }
        assert_eq!(scale_to_one(&[f32::MAX, f32::MAX]).unwrap(), [0.5_f32.sqrt(); 2]);
        assert_eq!(small(&[1.0, -0.5, 0.004, -0.004, -1.0, 0.0]), [127, -64, 1, -1, -127, 0]);
        assert_eq!(signs(&[1, -1, 0, -5]).collect::<Vec<_>>(), [0b1010]);
    }
}
