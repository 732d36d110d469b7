//! What a reading is worth: the mean logarithm of its tokens' probabilities, set against what such readings were worth on formulas of the lab's own
//! that training never saw (`models/training/lab/formula/ship.py`).

use super::Ending;

/// Share of tokens expected to be right below which somebody should look at a formula: one wrong in seven, of a short formula one.
const REVIEW_BELOW: f32 = 0.85;

/// Points of a rising curve: mean log probability, expected share of right tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration(Vec<(f32, f32)>);

impl Calibration {
    /// Of the decoder's metadata: a point a line, two numbers.
    ///
    /// # Errors
    /// Where that is no rising curve of shares.
    pub fn parse(text: &str) -> Result<Self, String> {
        let point = |line: &str| {
            let (score, share) = line.trim().split_once(' ')?;
            Some((score.parse().ok()?, share.trim().parse().ok()?))
        };
        let points: Option<Vec<(f32, f32)>> = text.lines().filter(|line| !line.trim().is_empty()).map(point).collect();
        let points = points.ok_or("its calibration is no list of pairs of numbers")?;
        let rises = points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        let shares = points.iter().all(|(score, share)| score.is_finite() && (0.0..=1.0).contains(share));
        match !points.is_empty() && rises && shares {
            true => Ok(Self(points)),
            false => Err("its calibration is no rising curve of shares".to_owned()),
        }
    }

    /// Of a model that nobody has calibrated: the geometric mean of its tokens' probabilities.
    pub fn none() -> Self {
        Self((0..=40).map(|step| step as f32 / 10.0 - 4.0).map(|score| (score, score.exp())).collect())
    }

    /// Expected share of right tokens.
    pub fn share(&self, score: f64) -> f32 {
        let score = score as f32;
        let above = self.0.iter().position(|point| point.0 >= score);
        match above {
            Some(0) => self.0[0].1,
            Some(above) => {
                let ((x0, y0), (x1, y1)) = (self.0[above - 1], self.0[above]);
                y0 + (y1 - y0) * ((score - x0) / (x1 - x0)).clamp(0.0, 1.0)
            }
            None => self.0.last().map_or(0.0, |point| point.1),
        }
    }
}

/// Whether somebody should look at it.
pub fn needs_review(confidence: f32, ending: Ending) -> bool {
    match ending {
        Ending::Complete => confidence < REVIEW_BELOW,
        Ending::TooLong | Ending::Repetition => true,
        Ending::Empty => false,
    }
}
