//! Which fours of weights are multiplied together where products are added in 16 bits: two fours whose sums fit cost three multiplications
//! instead of four. Of the fours of our own networks, whose weights have 7 bits, 97% find another one.

/// What of its weights decides how large a four's sums can be: what the positive weights of each pair come to, and the negative ones, output by
/// output.
pub type Sizes = Vec<u8>;

/// Of a four's weights, of all outputs in turn.
pub fn sizes<'a>(weights: impl Iterator<Item = &'a i8>) -> Sizes {
    let (mut weights, mut sizes) = (weights.map(|weight| i16::from(*weight)), Vec::new());
    while let (Some(first), Some(second)) = (weights.next(), weights.next()) {
        let of_sign = |sign: i16| ((sign * first).max(0) + (sign * second).max(0)) as u8;
        sizes.extend([of_sign(1), of_sign(-1)]);
    }
    sizes
}

/// The most that a sum of 16 bits holds, in units of the largest byte.
pub const MOST: i32 = i16::MAX as i32 / 255;

/// Fours that are tried for another at most, of the largest that are left and of the least. Loading a network must not take long.
const TRIED: usize = 48;

/// An order of fours in which those that go together follow each other, and how many such pairs there are: they come first.
pub fn in_pairs(sizes: &[Sizes]) -> (Vec<u32>, usize) {
    let largest = |four: &usize| sizes[*four].iter().max();
    let mut left: Vec<usize> = (0..sizes.len()).collect();
    // The largest find none among what the others have left; so they choose first, and the largest that fits.
    left.sort_by(|a, b| largest(b).cmp(&largest(a)));
    let (mut paired, mut alone) = (Vec::with_capacity(sizes.len()), Vec::new());
    let mut rest = std::collections::VecDeque::from(left);
    while let Some(four) = rest.pop_front() {
        let fits =
            |other: &usize| sizes[four].iter().zip(&sizes[*other]).all(|(a, b)| i32::from(*a) + i32::from(*b) <= MOST);
        let last = rest.len().saturating_sub(TRIED).max(TRIED);
        let among_last = || rest.iter().skip(last).position(fits).map(|at| last + at);
        let found = rest.iter().take(TRIED).position(fits).or_else(among_last);
        match found.and_then(|at| rest.remove(at)) {
            Some(other) => paired.extend([four as u32, other as u32]),
            None => alone.push(four as u32),
        }
    }
    let pairs = paired.len() / 2;
    paired.append(&mut alone);
    (paired, pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fours_whose_sums_fit_together_are_paired_and_all_are_there() {
        let sizes: Vec<Sizes> = vec![vec![128, 0], vec![100, 1], vec![0, 64], vec![28, 64], vec![64, 65], vec![0, 128]];
        let (order, pairs) = in_pairs(&sizes);
        let mut all = order.clone();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4, 5]);
        assert!(pairs >= 2, "{order:?}");
        for pair in order[..2 * pairs].chunks_exact(2) {
            for (a, b) in sizes[pair[0] as usize].iter().zip(&sizes[pair[1] as usize]) {
                assert!(i32::from(*a) + i32::from(*b) <= MOST, "{order:?}");
            }
        }
        assert_eq!(in_pairs(&[vec![128], vec![1]]), (vec![0, 1], 0));
        assert_eq!(in_pairs(&[]), (vec![], 0));
    }
}
