//! Where in a line formulas stand: a network of 0.07 M parameters on the recogniser's own input (`models/training/lab/formula/train_inline.py`).

use super::recognizer::STEP_WIDTH;
use crate::{
    backend::TensorView,
    error::{Error, Result},
    ocr::InFormula,
};

impl InFormula {
    /// At a part of the line's length, 0 to 1; `content_width` as the recogniser's input has it.
    pub fn at(&self, part: f32, content_width: u32) -> f32 {
        self.0.get(self.step(part, content_width)).copied().unwrap_or(0.0)
    }

    /// The step at a part of the line's length.
    pub fn step(&self, part: f32, content_width: u32) -> usize {
        ((part * content_width as f32 / STEP_WIDTH).max(0.0) as usize).min(self.0.len().saturating_sub(1))
    }
}

/// The network's output `[1, steps, 1]` of logits.
///
/// # Errors
/// [`Error::Inference`] when the output has another shape.
pub fn reduce(output: TensorView<'_>) -> Result<InFormula> {
    let &[1, _, 1] = output.shape else {
        return Err(Error::Inference {
            model: "formulas in lines".to_owned(),
            cause: format!("its output has shape {:?}, not [1, steps, 1]", output.shape),
        });
    };
    Ok(InFormula(output.data.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect()))
}
