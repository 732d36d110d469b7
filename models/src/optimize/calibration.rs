//! What a quantiser is calibrated on: the very tensors that reading a page gives to a model, padding and all.

use std::{io::Write, path::Path, sync::Arc};

use pagestream_documents::Raster;

use crate::{
    backend::{Tensor, TensorView},
    error::{Error, Result},
    ocr::{OcrModels, OcrOptions, PageReader, Quality, Sessions, Step, Task},
};

/// Reads a page on the calling thread and returns the inputs of `task`'s inferences, in their order: whole pages for the
/// detector, line crops for the recogniser.
///
/// # Errors
/// Whatever the sessions' inferences end with.
pub fn page_inputs(
    sessions: &mut Sessions,
    raster: Arc<Raster>,
    options: &OcrOptions,
    models: &OcrModels,
    task: Task,
) -> Result<Vec<Tensor>> {
    let mut inputs = Vec::new();
    // PP-OCRv6 is what is calibrated: it reads every line.
    let options = OcrOptions { quality: Quality::Accurate, ..options.clone() };
    let models = &OcrModels { compact: None, structure: false, ..models.clone() };
    let (mut reader, mut wanted) = PageReader::start(raster, &options, models)?;
    loop {
        let results = wanted.iter().map(|inference| sessions.run(inference)).collect::<Result<Vec<_>>>()?;
        inputs.extend(wanted.into_iter().filter(|inference| inference.task == task).map(|inference| inference.input));
        match reader.advance(results)? {
            Step::Infer(more) => wanted = more,
            Step::Done(_) => return Ok(inputs),
        }
    }
}

/// At most `most` of `all`, spread evenly over them: the lines of a page differ from its head to its foot.
pub fn spread<T>(all: Vec<T>, most: usize) -> Vec<T> {
    let count = all.len();
    if count <= most {
        return all;
    }
    // The item in the middle of each of `most` equal parts.
    let mut wanted = (0..most).map(|part| (2 * part + 1) * count / (2 * most)).peekable();
    all.into_iter().enumerate().filter(|(place, _)| wanted.next_if_eq(place).is_some()).map(|(_, item)| item).collect()
}

/// Writes a tensor as NumPy's `.npy`, version 1.0 (NEP 1): f32, little endian, row-major.
///
/// # Errors
/// [`Error::Io`].
pub fn write_npy(path: &Path, tensor: TensorView<'_>) -> Result<()> {
    let fail = |cause| Error::Io { path: path.to_path_buf(), cause };
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).map_err(fail)?);
    let mut write = || {
        file.write_all(&npy_header(tensor.shape))?;
        tensor.data.iter().try_for_each(|value| file.write_all(&value.to_le_bytes()))?;
        file.flush()
    };
    write().map_err(fail)
}

fn npy_header(shape: &[usize]) -> Vec<u8> {
    /// Data begins at a multiple of this.
    const ALIGNMENT: usize = 64;
    // A tuple of one has a comma after it, and one after every number does no harm.
    let shape: String = shape.iter().map(|size| format!("{size},")).collect();
    let mut text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}");
    let before = b"\x93NUMPY\x01\x00".len() + 2;
    let padding = (before + text.len() + 1).next_multiple_of(ALIGNMENT) - (before + text.len() + 1);
    text.push_str(&" ".repeat(padding));
    text.push('\n');
    // Shorter than 64 KiB for any tensor that there is.
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_spread_evenly_and_never_larger_than_asked() {
        let check = |count: usize, most: usize, expected: &[usize]| {
            assert_eq!(spread((0..count).collect(), most), expected, "{most} of {count}");
        };
        check(3, 5, &[0, 1, 2]);
        check(10, 2, &[2, 7]);
        check(10, 3, &[1, 5, 8]);
        check(5, 4, &[0, 1, 3, 4]);
        check(4, 0, &[]);
        for most in 1..30 {
            assert_eq!(spread((0..37).collect::<Vec<_>>(), most).len(), most);
        }
    }

    #[test]
    fn a_tensor_is_written_as_numpy_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.npy");
        write_npy(&path, TensorView { shape: &[1, 2, 1], data: &[1.0, -2.5] }).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        // As numpy.save writes it, but for a comma.
        assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
        let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert_eq!((10 + length) % 64, 0);
        let header = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
        assert_eq!(header.trim_end(), "{'descr': '<f4', 'fortran_order': False, 'shape': (1,2,1,), }");
        assert_eq!(bytes[10 + length..], [1.0f32.to_le_bytes(), (-2.5f32).to_le_bytes()].concat());
    }
}
