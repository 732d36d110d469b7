//! The contract with the lab, by its test vectors.

use std::path::PathBuf;

use pagestream_documents::{Digest, Point, Polygon, Rect, Rotation};
use serde_json::Value;

use super::*;
use crate::backend::TensorView;

fn vectors(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("shipped/vectors").join(name)
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(vectors(name)).unwrap()).unwrap()
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

/// The standard alphabet of RFC 4648.
pub(crate) fn base64(value: &Value) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => u32::from(c - b'A'),
        b'a'..=b'z' => u32::from(c - b'a') + 26,
        b'0'..=b'9' => u32::from(c - b'0') + 52,
        b'+' => 62,
        b'/' => 63,
        other => panic!("{other} is no digit of base64"),
    };
    let text = value.as_str().unwrap().trim_end_matches('=').as_bytes();
    let mut bytes = Vec::new();
    for digits in text.chunks(4) {
        let bits = digits.iter().fold(0, |bits, &c| bits << 6 | digit(c)) << (6 * (4 - digits.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..digits.len()]);
    }
    bytes
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
}

fn digest(values: &[f32]) -> String {
    Digest::of(&values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()).to_string()
}

/// Every recogniser that is shipped has vectors of its own.
fn recogniser_cases() -> Vec<(String, Value)> {
    let files = std::fs::read_dir(vectors("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names = files.filter(|name| name.starts_with("recogniser-"));
    let cases: Vec<_> = names.flat_map(|name| cases(&name)).collect();
    assert!(cases.len() >= 12);
    cases
}

fn cases(name: &str) -> Vec<(String, Value)> {
    let cases = json(name)["cases"].as_array().unwrap().clone();
    cases.into_iter().enumerate().map(|(n, case)| (format!("{name} {n}"), case)).collect()
}

#[test]
fn lines_become_tensors_as_in_the_lab() {
    for (name, case) in recogniser_cases() {
        let crop = base64(&case["crop"]);
        let plane = Plane::new(&crop, number(&case["crop_width"]), number(&case["crop_height"]));
        let width = number(&case["width"]);
        let mut resized = Vec::new();
        resize::resize(plane, width, recognizer::LINE_HEIGHT, |_, row| resized.extend_from_slice(row));
        assert_eq!(resized, base64(&case["resized"]), "{name}: resized");
        let table = recognizer::level_table(&resized);
        assert_eq!(table.to_vec(), floats(&base64(&case["level_table_f32le"])), "{name}: levels");
        let tensor = recognizer::tensor(plane);
        assert_eq!(tensor.shape, [1, 1, 32, number(&case["padded_width"])], "{name}");
        assert_eq!(digest(&tensor.data), case["tensor_f32le_sha256"].as_str().unwrap(), "{name}: tensor");
    }
}

#[test]
fn classes_become_text_as_in_the_lab() {
    let alphabet = recognizer::alphabet(include_str!("../../../shipped/latin.txt"));
    let classes = alphabet.classes();
    for (name, case) in recogniser_cases() {
        let path: Vec<usize> = case["classes"].as_array().unwrap().iter().map(number).collect();
        let mut logits = vec![0.0; path.len() * classes];
        for (step, &class) in path.iter().enumerate() {
            logits[step * classes + class] = 9.0;
        }
        let shape = [1, path.len(), classes];
        let symbols = recognizer::reduce(TensorView { shape: &shape, data: &logits }).unwrap();
        let text: String = symbols.iter().map(|s| alphabet.character(s.class).unwrap()).collect();
        assert_eq!(text, case["text"].as_str().unwrap(), "{name}");
    }
}

fn page() -> GrayPage {
    let image = image::open(vectors("page.png")).unwrap().into_luma8();
    let (width, height) = image.dimensions();
    let raster = Raster { width, height, format: PixelFormat::Gray8, data: image.into_raw(), dpi: 100.0 };
    GrayPage::new(Arc::new(raster))
}

#[test]
fn a_page_becomes_a_tensor_as_in_the_lab() {
    let (expected, page) = (json("page.json"), page());
    let view = detector::View::page(page.raster.width, page.raster.height, Rotation::None, 960);
    let tensor = detector::prepare(page.plane(), &view);
    let shape: Vec<usize> = expected["input_shape"].as_array().unwrap().iter().map(number).collect();
    assert_eq!(tensor.shape, shape);
    assert_eq!(digest(&tensor.data), expected["tensor_f32le_sha256"].as_str().unwrap());
}

#[test]
fn maps_become_boxes_as_in_the_lab() {
    let (expected, page) = (json("page.json"), page());
    let maps = floats(&std::fs::read(vectors("page-maps.f32")).unwrap());
    let sizes = expected["maps_shape"].as_array().unwrap().iter().map(number);
    let shape: Vec<usize> = [1].into_iter().chain(sizes).collect();
    let view = detector::View::page(page.raster.width, page.raster.height, Rotation::None, 960);
    let found = detector::reduce(TensorView { shape: &shape, data: &maps }).unwrap();
    let mut found: Vec<[f64; 8]> = found.iter().map(|corners| flat(&view.to_page(corners))).collect();
    let boxes = expected["boxes"].as_array().unwrap().iter();
    let mut wanted: Vec<[f64; 8]> = boxes.map(|b| std::array::from_fn(|i| b[i / 2][i % 2].as_f64().unwrap())).collect();
    // The order of boxes is no part of the contract: they are put into reading order later.
    for boxes in [&mut found, &mut wanted] {
        boxes.sort_by(|a, b| a[1].total_cmp(&b[1]).then(a[0].total_cmp(&b[0])));
    }
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(&wanted) {
        let worst = found.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        // The vectors have three digits after the point.
        assert!(worst < 6e-4, "{found:?} is not {wanted:?}");
    }
}

fn flat(polygon: &Polygon) -> [f64; 8] {
    let [a, b, c, d] = polygon.0.map(|p| [f64::from(p.x), f64::from(p.y)]);
    [a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]]
}

#[test]
fn colours_become_gray_as_in_the_lab() {
    // Pillow's values for these colours.
    assert_eq!(luma(&[255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 10, 20, 30]), [76, 150, 29, 255, 18]);
}

/// Smooth, so that interpolation has something to do.
fn drawn(width: u32, height: u32) -> Raster {
    let pixel = |i: u32| {
        let (x, y) = ((i % width) as f32, (i / width) as f32);
        (127.5 + 127.0 * (x * 0.31).sin() * (y * 0.23 + x * 0.05).cos()) as u8
    };
    let data = (0..width * height).map(pixel).collect();
    Raster { width, height, format: PixelFormat::Gray8, data, dpi: 150.0 }
}

fn rect(left: f32, top: f32, width: f32, height: f32) -> Polygon {
    Polygon::from_rect(Rect { left, top, right: left + width, bottom: top + height })
}

fn cut(page: &Raster, line: &Polygon) -> (usize, usize, Vec<u8>) {
    let plane = Plane::new(&page.data, page.width as usize, page.height as usize);
    let collect = |plane: Plane<'_>| {
        let rows = (0..plane.height).flat_map(|y| plane.row(y)).copied().collect();
        (plane.width, plane.height, rows)
    };
    match crop::upright(plane, line) {
        crop::Pixels::Lent(part) => collect(part),
        crop::Pixels::Made(made) => collect(made.plane()),
    }
}

#[test]
fn a_level_line_is_cut_out_as_it_is_and_goes_on_beyond_the_page_as_its_border() {
    let page = drawn(200, 100);
    let expected = |left: i64, top: i64, width: i64, height: i64| -> Vec<u8> {
        let pixel = |y: i64, x: i64| page.data[(y.clamp(0, 99) * 200 + x.clamp(0, 199)) as usize];
        (top..top + height).flat_map(|y| (left..left + width).map(move |x| (y, x))).map(|(y, x)| pixel(y, x)).collect()
    };
    for (left, top, width, height) in [
        (20, 30, 70, 40),
        (-5, 30, 70, 40),
        (150, 80, 70, 40),
        (-10, -10, 220, 120),
        (-90, 0, 40, 20),
        (250, 0, 40, 20),
    ] {
        let line = rect(left as f32, top as f32, width as f32, height as f32);
        let found = cut(&page, &line);
        assert_eq!(found, (width as usize, height as usize, expected(left, top, width, height)), "{line:?}");
    }
}

#[test]
fn a_line_of_a_turned_page_is_cut_out_upright() {
    let page = drawn(200, 100);
    let skew = Polygon([(20.0, 40.0), (150.0, 44.0), (150.0, 74.0), (20.0, 70.0)].map(|(x, y)| Point::new(x, y)));
    for line in [rect(20.0, 30.0, 70.0, 48.0), skew] {
        let expected = cut(&page, &line);
        for rotation in [Rotation::Clockwise90, Rotation::Half, Rotation::Clockwise270] {
            let to = |x: f32, y: f32| match rotation {
                Rotation::None => [x, y],
                Rotation::Clockwise90 => [100.0 - y, x],
                Rotation::Half => [200.0 - x, 100.0 - y],
                Rotation::Clockwise270 => [y, 200.0 - x],
            };
            let turned = line.map(|p| Point::from(to(p.x, p.y)));
            assert_eq!(cut(&page.rotated(rotation), &turned), expected, "{rotation:?}");
        }
    }
}

#[test]
fn a_skew_line_comes_out_level() {
    // A dark stroke that falls by 3 degrees.
    let slope = 3.0_f32.to_radians().tan();
    let mut page = Raster { width: 400, height: 200, format: PixelFormat::Gray8, data: vec![255; 80_000], dpi: 150.0 };
    for y in 0..200 {
        for x in 0..400 {
            if (y as f32 + 0.5 - 80.0 - slope * (x as f32 + 0.5)).abs() < 6.0 {
                page.data[y * 400 + x] = 0;
            }
        }
    }
    let at = |x: f32, dy: f32| Point::new(x, 80.0 + slope * x + dy);
    let line = Polygon([at(30.0, -20.0), at(370.0, -20.0), at(370.0, 20.0), at(30.0, 20.0)]);
    let (width, height, data) = cut(&page, &line);
    assert_eq!(height, 40);
    for x in [0, 100, 200, width - 1] {
        let column: Vec<u8> = (0..40).map(|y| data[y * width + x]).collect();
        assert!(column[15..25].iter().all(|&v| v < 30), "stroke at {x}: {column:?}");
        assert!(column[..12].iter().chain(&column[28..]).all(|&v| v > 225), "paper at {x}: {column:?}");
    }
}

#[test]
fn boxes_of_a_turned_view_lie_on_the_page_as_given() {
    for (rotation, expected) in [
        (Rotation::None, [0.0, 0.0]),
        (Rotation::Clockwise90, [0.0, 1000.0]),
        (Rotation::Half, [2000.0, 1000.0]),
        (Rotation::Clockwise270, [2000.0, 0.0]),
    ] {
        let view = detector::View::page(2000, 1000, rotation, 960);
        let first = view.to_page(&[[0.0; 2]; 4]).0[0];
        assert_eq!([first.x, first.y], expected, "{rotation:?}");
        assert_eq!(view.width.max(view.height), 960);
    }
}

#[test]
fn outputs_of_other_shapes_are_errors_and_empty_ones_are_nothing() {
    assert!(detector::reduce(TensorView { shape: &[1, 3, 2, 2], data: &[0.0; 12] }).is_err());
    assert_eq!(
        detector::reduce(TensorView { shape: &[1, 4, 0, 2], data: &[] }).unwrap(),
        Vec::<crate::ocr::Corners>::new()
    );
    assert!(recognizer::reduce(TensorView { shape: &[2, 1, 5], data: &[0.0; 10] }).is_err());
}

#[test]
fn widths_are_buckets_and_bounded_whatever_the_polygon() {
    let page = drawn(50, 40);
    for line in [
        rect(0.0, 0.0, 50.0, 0.1),
        rect(-100.0, -100.0, 9000.0, 10.0),
        rect(10.0, 10.0, 0.0, 0.0),
        rect(0.0, 0.0, 0.5, 9000.0),
    ] {
        let tensor = recognizer::input(Plane::new(&page.data, 50, 40), &line);
        assert!(tensor.shape[3].is_multiple_of(32) && tensor.shape[3] <= 4128, "{line:?}: {:?}", tensor.shape);
        assert_eq!(recognizer::tensor_bytes(&line), 4 * tensor.data.len());
    }
}

fn layout_page() -> GrayPage {
    let image = image::open(vectors("layout.png")).unwrap().into_luma8();
    let (width, height) = image.dimensions();
    let raster = Raster { width, height, format: PixelFormat::Gray8, data: image.into_raw(), dpi: 100.0 };
    GrayPage::new(Arc::new(raster))
}

fn layout_map(expected: &Value) -> crate::ocr::LayoutMap {
    let maps = floats(&std::fs::read(vectors("layout-maps.f32")).unwrap());
    let sizes = expected["maps_shape"].as_array().unwrap().iter().map(number);
    let shape: Vec<usize> = [1].into_iter().chain(sizes).collect();
    layout::reduce(TensorView { shape: &shape, data: &maps }).unwrap()
}

#[test]
fn a_page_becomes_the_layout_networks_tensor_as_in_the_lab() {
    let (expected, page) = (json("layout.json"), layout_page());
    let view = layout::view(page.raster.width, page.raster.height, Rotation::None);
    let tensor = layout::prepare(page.plane(), &view);
    let shape: Vec<usize> = expected["input_shape"].as_array().unwrap().iter().map(number).collect();
    assert_eq!(tensor.shape, shape);
    assert_eq!(digest(&tensor.data), expected["tensor_f32le_sha256"].as_str().unwrap());
}

#[test]
fn layout_maps_say_of_lines_and_areas_what_they_do_in_the_lab() {
    let expected = json("layout.json");
    let map = layout_map(&expected);
    assert_eq!(Digest::of(map.behind()).to_string(), expected["behind_sha256"].as_str().unwrap());
    let kind = |value: &Value| match value.as_str().unwrap() {
        "nothing" => pagestream_documents::BlockKind::Text,
        _ => serde_json::from_value(value.clone()).unwrap(),
    };
    let share = |value: &Value| value["share"].as_f64().unwrap();
    let lines = expected["lines"].as_array().unwrap();
    assert!(lines.len() >= 40);
    for line in lines {
        let corners: crate::ocr::Corners = serde_json::from_value(line["corners"].clone()).unwrap();
        let (found, confidence) = map.kind_of_line(&corners);
        assert_eq!(found, kind(&line["kind"]), "{line}");
        assert!((confidence - share(line)).abs() < 1e-9, "{line}: {confidence}");
    }
    let (areas, wanted) = (map.areas(), expected["areas"].as_array().unwrap());
    assert!(areas.len() == wanted.len() && wanted.len() > 2, "{areas:?}");
    for (area, wanted) in areas.iter().zip(wanted) {
        let cells: Vec<usize> = wanted["cells"].as_array().unwrap().iter().map(number).collect();
        let pixels = [cells[0] * 8, cells[1] * 4, cells[2] * 8, cells[3] * 4];
        assert_eq!((area.kind, area.bounds), (kind(&wanted["kind"]), pixels));
        assert!((area.confidence - share(wanted)).abs() < 1e-9, "{area:?}");
    }
}

#[test]
fn a_broken_layout_network_gives_an_error_or_no_panic() {
    let reduced = |shape: &[usize], data: &[f32]| layout::reduce(TensorView { shape, data });
    assert!(reduced(&[1, 4, 2, 2], &[0.0; 16]).is_err());
    assert!(reduced(&[1, 16, 0, 2], &[]).is_err());
    assert!(reduced(&[1, 16, 2, 2], &[0.0; 63]).is_err());
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e38] {
        let mut data = [0.0; 64];
        data[7] = value;
        let map = reduced(&[1, 16, 2, 2], &data).unwrap();
        for corner in [f64::NAN, f64::INFINITY, -1e300, 3.0] {
            let (_, confidence) = map.kind_of_line(&[[corner, 0.0], [9.0, 0.0], [9.0, corner], [0.0, 9.0]]);
            assert!((0.0..=1.0).contains(&confidence), "{value} {corner}: {confidence}");
        }
        map.areas();
    }
}
