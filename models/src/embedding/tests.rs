use super::*;

#[test]
fn an_output_of_another_shape_is_refused() {
    let data = vec![0.1; DIMENSIONS];
    assert_eq!(reduce(TensorView { shape: &[1, DIMENSIONS], data: &data }).unwrap(), data);
    let error = reduce(TensorView { shape: &[1, 2], data: &data[..2] }).unwrap_err();
    assert!(error.to_string().contains("[1, 2]"), "{error}");
    let not_finite = vec![f32::NAN; DIMENSIONS];
    assert!(reduce(TensorView { shape: &[1, DIMENSIONS], data: &not_finite }).is_err());
}
