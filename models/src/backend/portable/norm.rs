//! Layer normalisation: Ba, Kiros and Hinton, 2016.

use super::{functions, tensors::Tensors};

/// What rows of one width are multiplied by and moved by once they are normal.
pub struct Norm {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

impl Norm {
    /// # Errors
    /// What the model lacks of it.
    pub fn of(tensors: &Tensors<'_>, name: &str) -> Result<Self, String> {
        let (weight, bias) = (tensors.f32(&format!("{name}.weight"))?.1, tensors.f32(&format!("{name}.bias"))?.1);
        match weight.len() == bias.len() && !weight.is_empty() {
            true => Ok(Self { weight, bias }),
            false => Err(format!("its `{name}` has not as many weights as biases")),
        }
    }

    /// Every row to mean nothing and variance one, then its own weights and biases.
    pub fn apply(&self, rows: &mut [f32], epsilon: f32) {
        let width = self.weight.len() as f32;
        for row in rows.chunks_exact_mut(self.weight.len()) {
            let mean = functions::sum(row, |value| value) / width;
            let variance = functions::sum(row, |value| (value - mean) * (value - mean)) / width;
            let scale = 1.0 / (variance + epsilon).sqrt();
            for ((value, weight), bias) in row.iter_mut().zip(&self.weight).zip(&self.bias) {
                *value = (*value - mean) * scale * weight + bias;
            }
        }
    }
}
