//! A page of bars, and models that read them: a bar's gray level is its letter, its dark end its beginning.

use pagestream_documents::{PixelFormat, Rect};

use super::*;
use crate::ocr::{Alphabet, reduce};

const WIDTH: u32 = 800;
const HEIGHT: u32 = 640;

/// Gray level of a letter: `a` 20, `b` 26, … up to `p`, 110; below the gray of padding, which is 128.
fn level(letter: char) -> u8 {
    20 + 6 * (letter as u8 - b'a')
}

/// Bars of 240 x 20 pixels with their left quarter black.
fn page(bars: &[(char, u32, u32)]) -> Raster {
    let mut data = vec![255; (WIDTH * HEIGHT) as usize];
    for &(letter, left, top) in bars {
        for y in top..top + 20 {
            let start = (y * WIDTH + left) as usize;
            data[start..start + 60].fill(0);
            data[start + 60..start + 240].fill(level(letter));
        }
    }
    Raster { width: WIDTH, height: HEIGHT, format: PixelFormat::Gray8, data, dpi: 100.0 }
}

/// A heading, then two columns of six, whose rows do not stand level: level ones as short as these are a table.
fn two_columns() -> Vec<(char, u32, u32)> {
    let column =
        |first: u8, left: u32, top: u32| (0..6).map(move |n| ((first + n) as char, left, top + 60 * u32::from(n)));
    [('a', 270, 40)].into_iter().chain(column(b'b', 100, 120)).chain(column(b'h', 440, 150)).collect()
}

fn models() -> OcrModels {
    OcrModels::new(Alphabet::from_metadata(&('a'..='p').map(|c| format!("{c}\n")).collect::<String>()))
}

/// What ideal models would answer.
fn answer(inference: &Inference) -> Inferred {
    let Inference { task, input } = inference;
    let (height, width) = (input.shape[2], input.shape[3]);
    let gray = |v: f32| (v + 1.0) * 127.5;
    let at = |part: f32| gray(input.data[height / 2 * width + (part * width as f32) as usize]);
    match task {
        Task::Detect => {
            let ink = |&v: &f32| if gray(v) < 180.0 { 1.0 } else { 0.0 };
            let data: Vec<f32> = input.data[..height * width].iter().map(ink).collect();
            let output = crate::backend::Tensor { shape: vec![1, 1, height, width], data };
            reduce(Task::Detect, output.view()).expect("the shape is a detector's")
        }
        Task::Orient => Inferred::UpsideDown(if at(0.2) < 10.0 { 0.02 } else { 0.98 }),
        Task::Recognize => {
            let letter = ((at(0.5) - 20.0) / 6.0).round() as u32 + 1;
            let probability = if at(0.15) < 10.0 { 0.99 } else { 0.7 };
            Inferred::Symbols(vec![Symbol { step: width as u32 / 16, class: letter, probability }])
        }
    }
}

/// Reads the page and tells every group of inferences that was asked for.
fn read(raster: Raster, options: &OcrOptions) -> (Reading, Vec<Vec<Inference>>) {
    let (mut reader, mut wanted) = PageReader::start(Arc::new(raster), options, &models());
    let mut asked = Vec::new();
    loop {
        assert!(!wanted.is_empty());
        let results = wanted.iter().map(answer).collect();
        asked.push(wanted);
        match reader.advance(results).expect("the results are those asked for") {
            Step::Infer(more) => wanted = more,
            Step::Done(reading) => return (reading, asked),
        }
    }
}

fn count(asked: &[Vec<Inference>], task: Task) -> usize {
    asked.iter().flatten().filter(|inference| inference.task == task).count()
}

fn letters(reading: &Reading) -> String {
    reading.text.split_whitespace().collect()
}

#[test]
fn an_upright_page_is_read_column_by_column_and_pays_nothing_for_its_orientation() {
    let (reading, asked) = read(page(&two_columns()), &OcrOptions::default());
    assert_eq!(letters(&reading), "abcdefghijklm");
    assert_eq!(reading.rotation, Rotation::None);
    assert_eq!((count(&asked, Task::Detect), count(&asked, Task::Orient), count(&asked, Task::Recognize)), (1, 0, 13));
}

#[test]
fn a_page_that_is_turned_reads_the_same_and_its_polygons_lie_on_the_page_as_given() {
    for (given, expected) in [
        (Rotation::Clockwise90, Rotation::Clockwise270),
        (Rotation::Half, Rotation::Half),
        (Rotation::Clockwise270, Rotation::Clockwise90),
    ] {
        let raster = page(&two_columns()).rotated(given);
        let (reading, _) = read(raster.clone(), &OcrOptions::default());
        assert_eq!((letters(&reading).as_str(), reading.rotation), ("abcdefghijklm", expected), "given {given:?}");
        for line in &reading.lines {
            // The beginning of the line is its black end.
            let [a, b, c, d] = line.polygon.0;
            let along = |t: f32| {
                let (x, y) = (
                    (a.x + d.x) / 2.0 * (1.0 - t) + (b.x + c.x) / 2.0 * t,
                    (a.y + d.y) / 2.0 * (1.0 - t) + (b.y + c.y) / 2.0 * t,
                );
                raster.data[y as usize * raster.width as usize + x as usize]
            };
            let letter = line.text.chars().next().unwrap_or('?');
            assert_eq!((along(0.2), along(0.7)), (0, level(letter)), "{letter} given {given:?}");
        }
    }
}

#[test]
fn a_page_is_taken_as_it_stands_when_the_caller_knows_how_it_stands() {
    let options = OcrOptions { orient: false, second_looks: false, ..OcrOptions::default() };
    let (reading, asked) = read(page(&two_columns()).rotated(Rotation::Half), &options);
    assert_eq!((reading.rotation, count(&asked, Task::Orient)), (Rotation::None, 0));
    assert_eq!(reading.lines.len(), 13);
}

#[test]
fn a_blank_page_costs_one_detection_and_has_no_text() {
    let (reading, asked) = read(page(&[]), &OcrOptions::default());
    assert_eq!(reading, Reading::default());
    assert_eq!((asked.len(), asked[0].len(), asked[0][0].task), (1, 1, Task::Detect));
    let empty = Raster { width: 0, height: 0, format: PixelFormat::Gray8, data: Vec::new(), dpi: 72.0 };
    assert_eq!(read(empty, &OcrOptions::default()).0, Reading::default());
}

#[test]
fn crops_are_asked_for_in_groups_of_bounded_size() {
    let bytes = |inference: &Inference| inference.input.data.len() * 4;
    let limit = 500_000;
    let options = OcrOptions { crop_group_bytes: limit, orient: false, ..OcrOptions::default() };
    let (reading, asked) = read(page(&two_columns()), &options);
    assert_eq!(letters(&reading), "abcdefghijklm");
    assert!(asked.len() > 3);
    for group in &asked[1..] {
        assert!(group.iter().map(bytes).sum::<usize>() <= limit, "{} crops", group.len());
    }
    let fullest = asked[1..].iter().map(Vec::len).max();
    assert!(fullest > Some(1), "groups are as large as they may be");
    // A limit below a single crop still lets one pass at a time.
    let options = OcrOptions { crop_group_bytes: 1, ..options };
    let (reading, asked) = read(page(&two_columns()), &options);
    assert_eq!(letters(&reading), "abcdefghijklm");
    assert!(asked.iter().all(|group| group.len() == 1));
}

#[test]
fn a_gray_page_reads_the_same_in_gray_and_in_colour() {
    let gray = page(&two_columns());
    let data = gray.data.iter().flat_map(|&v| [v; 3]).collect();
    let color = Raster { format: PixelFormat::Rgb8, data, ..gray.clone() };
    let options = OcrOptions::default();
    assert_eq!(read(gray, &options).0, read(color, &options).0);
}

#[test]
fn results_that_were_not_asked_for_are_an_error_and_end_the_page() {
    let raster = Arc::new(page(&two_columns()));
    for wrong in [vec![], vec![Inferred::UpsideDown(0.5)], vec![Inferred::Symbols(Vec::new())]] {
        let (mut reader, _) = PageReader::start(raster.clone(), &OcrOptions::default(), &models());
        assert!(reader.advance(wrong).is_err());
        assert!(reader.advance(Vec::new()).is_err());
    }
}

#[test]
fn a_line_that_reads_better_in_parts_is_replaced_by_them() {
    let raster = Arc::new(page(&two_columns()));
    let (mut reader, wanted) = PageReader::start(raster, &OcrOptions::default(), &models());
    reader.advance(wanted.iter().map(answer).collect()).expect("in step");
    let decoded = |text: &str, confidence| Some(Decoded { text: text.to_owned(), confidence, words: Vec::new() });
    let rect = |top: f32, height: f32| Polygon::from_rect(Rect { left: 0.0, top, right: 300.0, bottom: top + height });
    let line =
        |text, confidence, top, height| Line { decoded: decoded(text, confidence), ..Line::new(rect(top, height)) };
    let part = |of, text, confidence, top| Line { part_of: Some(of), ..line(text, confidence, top, 20.0) };
    reader.lines = vec![
        line("first", 0.99, 0.0, 20.0),
        line("xx", 0.5, 30.0, 44.0),
        line("kept", 0.8, 80.0, 44.0),
        part(1, "second", 0.98, 30.0),
        part(1, "third", 0.98, 54.0),
        part(2, "k", 0.99, 80.0),
    ];
    assert_eq!(reader.finish().text.split_whitespace().collect::<Vec<_>>(), ["first", "second", "third", "kept"]);
}

#[test]
fn a_reader_may_move_between_threads_and_says_what_it_holds() {
    fn sendable<T: Send + 'static>(_: &T) {}
    let raster = page(&two_columns());
    let bytes = raster.data.len();
    let (reader, _) = PageReader::start(Arc::new(raster), &OcrOptions::default(), &models());
    sendable(&reader);
    assert!((bytes..bytes + 4096).contains(&reader.held_bytes()));
}
