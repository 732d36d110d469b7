//! A page of bars, and models that read them: a bar's gray level is its letter, its dark end its beginning.

use pagestream_documents::{PixelFormat, Rotation};

use super::*;
use crate::ocr::{Alphabet, LargeModels, Symbol, reduce};

mod again;
mod inline;
mod looks;

const WIDTH: u32 = 800;
const HEIGHT: u32 = 640;

/// How often PP-OCRv6 reads a bar's letter.
const LETTERS: u32 = 8;

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
    let alphabet = Alphabet::from_metadata(&('a'..='p').map(|c| format!("{c}\n")).collect::<String>());
    OcrModels { large: LargeModels::Ready(alphabet), ..OcrModels::default() }
}

fn accurate() -> OcrOptions {
    OcrOptions { quality: Quality::Accurate, ..OcrOptions::default() }
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
            // As many as there is room for: a line of one letter was not read.
            let symbol =
                |n: u32| Symbol { step: width as u32 * (2 * n + 1) / (16 * LETTERS), class: letter, probability };
            Inferred::Symbols((0..LETTERS).map(symbol).collect())
        }
        Task::CompactDetect
        | Task::CompactRecognize
        | Task::CompactReread
        | Task::Layout
        | Task::Table
        | Task::InlineFormulas
        | Task::Formula
        | Task::Embed => {
            unreachable!("PP-OCRv6 reads")
        }
    }
}

/// Reads the page and tells every group of inferences that was asked for.
fn read(raster: Raster, options: &OcrOptions) -> (Reading, Vec<Vec<Inference>>) {
    let (mut reader, mut wanted) = PageReader::start(Arc::new(raster), options, &models()).unwrap();
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

/// A letter a line, but for marks, each of which counts.
fn letters(reading: &Reading) -> String {
    let mut letters: Vec<char> = reading.text.split_whitespace().flat_map(str::chars).collect();
    letters.dedup_by(|a, b| a == b && *a != confidence::UNKNOWN);
    letters.into_iter().collect()
}

#[test]
fn an_upright_page_is_read_column_by_column_and_pays_nothing_for_its_orientation() {
    let (reading, asked) = read(page(&two_columns()), &accurate());
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
        let (reading, _) = read(raster.clone(), &accurate());
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
    let options = OcrOptions { orient: false, second_looks: false, ..accurate() };
    let (reading, asked) = read(page(&two_columns()).rotated(Rotation::Half), &options);
    assert_eq!((reading.rotation, count(&asked, Task::Orient)), (Rotation::None, 0));
    assert_eq!(reading.lines.len(), 13);
}

#[test]
fn a_blank_page_costs_one_detection_and_has_no_text() {
    let (reading, asked) = read(page(&[]), &accurate());
    assert_eq!(
        Reading { hints: Box::default(), ..reading },
        Reading { tasks: vec![Task::Detect], ..Reading::default() }
    );
    assert_eq!((asked.len(), asked[0].len(), asked[0][0].task), (1, 1, Task::Detect));
    let empty = Raster { width: 0, height: 0, format: PixelFormat::Gray8, data: Vec::new(), dpi: 72.0 };
    assert_eq!(read(empty, &accurate()).0, Reading { tasks: vec![Task::Detect], ..Reading::default() });
}

#[test]
fn crops_are_asked_for_in_groups_of_bounded_size() {
    let bytes = |inference: &Inference| inference.input.data.len() * 4;
    let limit = 500_000;
    let options = OcrOptions { crop_group_bytes: limit, orient: false, ..accurate() };
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
    let options = accurate();
    assert_eq!(read(gray, &options).0, read(color, &options).0);
}

#[test]
fn results_that_were_not_asked_for_are_an_error_and_end_the_page() {
    let raster = Arc::new(page(&two_columns()));
    for wrong in [vec![], vec![Inferred::UpsideDown(0.5)], vec![Inferred::Symbols(Vec::new())]] {
        let (mut reader, _) = PageReader::start(raster.clone(), &accurate(), &models()).unwrap();
        assert!(reader.advance(wrong).is_err());
        assert!(reader.advance(Vec::new()).is_err());
    }
}

#[test]
fn a_reader_may_move_between_threads_and_says_what_it_holds() {
    fn sendable<T: Send + 'static>(_: &T) {}
    let raster = page(&two_columns());
    let bytes = raster.data.len();
    let (reader, _) = PageReader::start(Arc::new(raster), &accurate(), &models()).unwrap();
    sendable(&reader);
    assert!((bytes..bytes + 4096).contains(&reader.held_bytes()));
}

// --- our own networks, and the tiers --------------------------------------------------------------------------------

/// How the stand-ins of our own networks answer.
#[derive(Clone, Copy)]
struct Compact {
    /// The letter of the page that they are unsure of; `None` for a page that they read well.
    unsure_of: Option<char>,
    /// How sure it is of that one.
    unsure: f32,
    /// How sure the larger one is of it.
    again: f32,
    /// How sure they are of the others.
    sure: f32,
    /// The letters that are of a script that they do not know: this one and all after it.
    foreign_from: char,
}

const SURE_OF_ALL: Compact = Compact { unsure_of: None, unsure: 0.0, again: 0.99, sure: 0.99, foreign_from: 'z' };

/// Bars in the detector's input that run across: left, top, right, bottom.
fn bars(input: &crate::backend::Tensor) -> Vec<[usize; 4]> {
    let (height, width) = (input.shape[2], input.shape[3]);
    let ink = |x: usize, y: usize| x < width && y < height && input.data[y * width + x] < 0.4;
    let mut found = Vec::new();
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let corner = ink(x, y) && (x == 0 || !ink(x - 1, y)) && (y == 0 || !ink(x, y - 1));
        if corner {
            let right = (x..width).find(|&x| !ink(x, y)).unwrap_or(width);
            let bottom = (y..height).find(|&y| !ink(x, y)).unwrap_or(height);
            if right - x > 2 * (bottom - y) {
                found.push([x, y, right, bottom]);
            }
        }
    }
    found
}

fn compact_answer(inference: &Inference, compact: Compact) -> Inferred {
    let input = &inference.input;
    match inference.task {
        Task::CompactDetect => Inferred::Boxes(
            bars(input)
                .into_iter()
                .map(|b| {
                    // With a margin of paper, as real boxes have.
                    let [x0, y0, x1, y1] = [b[0] as f64 - 4.0, b[1] as f64 - 4.0, b[2] as f64 + 4.0, b[3] as f64 + 4.0];
                    [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
                })
                .collect(),
        ),
        Task::CompactRecognize | Task::CompactReread => {
            let (height, width) = (input.shape[2], input.shape[3]);
            // A dark bar on a light page may count as light on dark: then the paper is not +1.
            let inverted = input.data[0] < 0.0;
            let level = |x: usize| {
                let v = 255.0 + (input.data[height / 2 * width + x] - 1.0) * 127.5;
                if inverted { 255.0 - v } else { v }
            };
            // A bar with its margin is 248 x 28 page pixels.
            let content = 32 * 248 / 28;
            let letter = (((level(content / 2) - 20.0) / 6.0).round() as u32).min(15);
            let upright = level(content / 8) < 10.0;
            let doubted = compact.unsure_of.is_some_and(|c| c as u32 - 'a' as u32 == letter);
            let probability = match (upright, doubted) {
                (false, _) => 0.3,
                (true, true) if inference.task == Task::CompactReread => compact.again,
                (true, true) => compact.unsure,
                (true, false) => compact.sure,
            };
            // The last class stands for what is of another script.
            let foreign = u32::from(compact.foreign_from) - u32::from('a');
            let class = if letter >= foreign { 17 } else { letter + 1 };
            Inferred::Symbols(vec![Symbol { step: content as u32 / 8, class, probability }])
        }
        Task::Layout => Inferred::Layout(looks::looked(input)),
        _ => answer(inference),
    }
}

fn tier(quality: Quality) -> OcrOptions {
    OcrOptions { quality, ..OcrOptions::default() }
}

fn read_tier(raster: Raster, options: &OcrOptions, models: &OcrModels, compact: Compact) -> (Reading, Vec<Task>) {
    let (mut reader, mut wanted) = PageReader::start(Arc::new(raster), options, models).unwrap();
    let mut asked = Vec::new();
    loop {
        asked.extend(wanted.iter().map(|inference| inference.task));
        let results = wanted.iter().map(|inference| compact_answer(inference, compact)).collect();
        match reader.advance(results).expect("the results are those asked for") {
            Step::Infer(more) => wanted = more,
            Step::Done(reading) => return (reading, asked),
        }
    }
}

fn all_models() -> OcrModels {
    let OcrModels { large, .. } = models();
    let LargeModels::Ready(alphabet) = &large else { unreachable!("the tests' models are ready") };
    let letters: Vec<String> = ('a'..='p').chain(['\u{fffd}']).map(String::from).collect();
    let own = Alphabet::of_characters(letters.iter().map(String::as_str));
    OcrModels { compact: Some(own), large: LargeModels::Ready(alphabet.clone()), ..OcrModels::default() }
}

fn times(asked: &[Task], task: Task) -> usize {
    asked.iter().filter(|&&t| t == task).count()
}

#[test]
fn a_page_that_our_own_networks_are_sure_of_is_theirs_alone() {
    for quality in [Quality::Fast, Quality::Balanced] {
        let (reading, asked) = read_tier(page(&two_columns()), &tier(quality), &all_models(), SURE_OF_ALL);
        assert_eq!(letters(&reading), "abcdefghijklm", "{quality}");
        assert_eq!(
            (times(&asked, Task::CompactDetect), times(&asked, Task::CompactRecognize), asked.len()),
            (1, 13, 14)
        );
        assert_eq!(reading.tasks, [Task::CompactDetect, Task::CompactRecognize]);
        assert!(reading.confidence > Some(0.99) && !reading.needs_review, "{:?}", reading.confidence);
    }
}

#[test]
fn a_page_that_lies_on_its_side_or_stands_on_its_head_is_turned_by_our_own_networks() {
    for (given, expected) in [
        (Rotation::Clockwise90, Rotation::Clockwise270),
        (Rotation::Half, Rotation::Half),
        (Rotation::Clockwise270, Rotation::Clockwise90),
    ] {
        let raster = page(&two_columns()).rotated(given);
        let (reading, asked) = read_tier(raster.clone(), &tier(Quality::Fast), &all_models(), SURE_OF_ALL);
        assert_eq!((letters(&reading).as_str(), reading.rotation), ("abcdefghijklm", expected), "given {given:?}");
        assert_eq!(times(&asked, Task::CompactDetect), 2);
        let line = reading.lines.iter().find(|line| line.text == "a").unwrap();
        let [a, b, c, d] = line.polygon.0;
        let (x, y) = ((0.8 * (a.x + d.x) + 0.2 * (b.x + c.x)) / 2.0, (0.8 * (a.y + d.y) + 0.2 * (b.y + c.y)) / 2.0);
        assert_eq!(raster.data[y as usize * raster.width as usize + x as usize], 0, "its beginning, given {given:?}");
        let known = OcrOptions { orient: false, ..tier(Quality::Fast) };
        let (_, asked) = read_tier(raster, &known, &all_models(), SURE_OF_ALL);
        assert_eq!(times(&asked, Task::CompactDetect), 1, "a page whose turn is known is not turned");
    }
}

#[test]
fn a_speck_that_was_read_as_a_letter_is_dropped_and_nobody_is_asked() {
    let speck = Compact { unsure_of: Some('e'), unsure: 0.55, ..SURE_OF_ALL };
    for quality in [Quality::Fast, Quality::Balanced] {
        let (reading, asked) = read_tier(page(&two_columns()), &tier(quality), &all_models(), speck);
        assert_eq!((letters(&reading).as_str(), times(&asked, Task::Recognize)), ("abcdfghijklm", 0), "{quality}");
    }
}

#[test]
fn another_script_is_read_by_the_larger_models_and_without_them_marked_but_never_guessed() {
    let one = Compact { foreign_from: 'm', ..SURE_OF_ALL };
    let (reading, asked) = read_tier(page(&two_columns()), &tier(Quality::Balanced), &all_models(), one);
    assert_eq!((letters(&reading).as_str(), times(&asked, Task::Recognize)), ("abcdefghijklm", 1));
    let (reading, asked) = read_tier(page(&two_columns()), &tier(Quality::Fast), &all_models(), one);
    assert_eq!((letters(&reading).as_str(), times(&asked, Task::Recognize)), ("abcdefghijkl\u{fffd}", 0));
    let most = Compact { foreign_from: 'b', ..SURE_OF_ALL };
    let (reading, asked) = read_tier(page(&two_columns()), &tier(Quality::Balanced), &all_models(), most);
    assert_eq!(letters(&reading), "abcdefghijklm");
    assert!(times(&asked, Task::Detect) > 0 && !reading.needs_review, "the whole page is read again");
    let (reading, _) = read_tier(page(&two_columns()), &tier(Quality::Fast), &all_models(), most);
    assert_eq!(letters(&reading), format!("a{}", "\u{fffd}".repeat(12)));
    assert!(reading.needs_review && reading.confidence < Some(0.3), "{:?}", reading.confidence);
}

#[test]
fn a_script_that_nobody_knows_keeps_its_marks() {
    // The larger models see the lines and have no character for anything.
    let silent = Alphabet::of_characters([]);
    let models = OcrModels { large: LargeModels::Ready(silent), ..all_models() };
    for (foreign_from, expected) in
        [('m', "abcdefghijkl\u{fffd}".to_owned()), ('b', format!("a{}", "\u{fffd}".repeat(12)))]
    {
        let compact = Compact { foreign_from, ..SURE_OF_ALL };
        let (reading, asked) = read_tier(page(&two_columns()), &tier(Quality::Balanced), &models, compact);
        assert!(times(&asked, Task::Recognize) > 0);
        assert_eq!(letters(&reading), expected);
        assert!(reading.needs_review, "{:?}", reading.confidence);
    }
}

#[test]
fn what_the_larger_models_leave_out_is_marked_whoever_reads() {
    let models = OcrModels { large: LargeModels::Ready(Alphabet::of_characters([])), ..all_models() };
    let compact = Compact { foreign_from: 'b', ..SURE_OF_ALL };
    let (reading, asked) = read_tier(page(&two_columns()), &accurate(), &models, compact);
    assert_eq!((times(&asked, Task::CompactDetect), times(&asked, Task::CompactRecognize)), (0, 13));
    assert_eq!(letters(&reading), "\u{fffd}".repeat(12));
    assert!(reading.needs_review, "{:?}", reading.confidence);
    let (reading, _) = read_tier(page(&two_columns()), &accurate(), &all_models(), compact);
    assert_eq!(letters(&reading), "abcdefghijklm", "what they can read is theirs");
    let alone = OcrOptions { second_opinion: false, ..accurate() };
    let (_, asked) = read_tier(page(&two_columns()), &alone, &all_models(), compact);
    assert_eq!(times(&asked, Task::CompactRecognize), 0, "nobody looks at it again");
    assert!(!reading.needs_review, "{:?}", reading.confidence);
}

#[test]
fn a_page_in_a_script_that_nobody_knows_is_not_turned_over() {
    let models = OcrModels { large: LargeModels::Ready(Alphabet::of_characters([])), ..all_models() };
    let compact = Compact { foreign_from: 'a', ..SURE_OF_ALL };
    for quality in [Quality::Fast, Quality::Balanced, Quality::Accurate] {
        for given in [Rotation::None, Rotation::Half] {
            let (reading, _) = read_tier(page(&two_columns()).rotated(given), &tier(quality), &models, compact);
            assert_eq!(reading.rotation, Rotation::None, "{quality}, given {given:?}");
        }
    }
}

#[test]
fn a_long_page_is_read_in_parts_and_its_lines_lie_where_they_are() {
    let one = page(&two_columns());
    let long = Raster { height: 5 * HEIGHT, data: one.data.repeat(5), ..one };
    for quality in [Quality::Fast, Quality::Balanced, Quality::Accurate] {
        // Not scaled, so that bars stay bars.
        let options = OcrOptions { detect_max_side: 1600, ..tier(quality) };
        let (reading, asked) = read_tier(long.clone(), &options, &all_models(), SURE_OF_ALL);
        assert_eq!(reading.lines.len(), 5 * 13, "{quality}");
        assert!(times(&asked, Task::CompactDetect) + times(&asked, Task::Detect) > 1, "{quality}");
        for line in &reading.lines {
            let middle = line.polygon.bounds().center();
            let seen = long.data[middle.y as usize * WIDTH as usize + middle.x as usize];
            assert_eq!(Some(seen), line.text.chars().next().map(level), "{quality}: {line:?}");
        }
        assert!(!reading.needs_review, "{quality}: {:?}", reading.confidence);
    }
}

#[test]
fn text_that_no_line_was_found_for_is_a_reason_to_look() {
    // Print that the stand-in of the detector takes for nothing: letters, not bars.
    let mut raster = page(&two_columns());
    for letter in 0..60 {
        for y in 560..572 {
            let at = y * WIDTH as usize + 60 + 11 * letter;
            let middle = if (562..570).contains(&y) { 255 } else { 0 };
            raster.data[at..at + 8].copy_from_slice(&[0, 0, middle, middle, middle, middle, 0, 0]);
        }
    }
    let (reading, _) = read_tier(raster, &tier(Quality::Fast), &all_models(), SURE_OF_ALL);
    assert_eq!(letters(&reading), "abcdefghijklm");
    assert!(reading.needs_review, "{:?}", reading.confidence);
}

#[test]
fn a_page_that_our_own_networks_cannot_read_is_read_as_a_whole_by_the_larger_ones() {
    let unsure = Compact { sure: 0.55, ..SURE_OF_ALL };
    let (reading, asked) = read_tier(page(&two_columns()), &tier(Quality::Balanced), &all_models(), unsure);
    assert_eq!(letters(&reading), "abcdefghijklm");
    assert!(times(&asked, Task::Detect) > 0 && times(&asked, Task::Recognize) >= 13);
    assert!(!reading.needs_review);
    let (reading, _) = read_tier(page(&two_columns()), &tier(Quality::Fast), &all_models(), unsure);
    assert_eq!(letters(&reading), "abcdefghijklm");
    assert!(reading.needs_review && reading.confidence < Some(0.9), "{:?}", reading.confidence);
}

#[test]
fn the_larger_models_are_looked_for_only_when_a_page_is_in_doubt() {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let large = LargeModels::lazy(move |may_fetch| {
        assert!(may_fetch, "a whole page is worth it");
        counter.fetch_add(1, Relaxed);
        None
    });
    let models = OcrModels { large, ..all_models() };
    let (reading, _) = read_tier(page(&two_columns()), &tier(Quality::Balanced), &models, SURE_OF_ALL);
    assert_eq!((asked.load(Relaxed), reading.needs_review), (0, false));
    let unsure = Compact { sure: 0.55, ..SURE_OF_ALL };
    let (reading, _) = read_tier(page(&two_columns()), &tier(Quality::Balanced), &models, unsure);
    assert_eq!((asked.load(Relaxed), reading.needs_review), (1, true));
}

#[test]
fn a_quality_without_its_models_is_an_error() {
    let raster = Arc::new(page(&two_columns()));
    for quality in [Quality::Fast, Quality::Balanced, Quality::Accurate] {
        assert!(PageReader::start(raster.clone(), &tier(quality), &OcrModels::default()).is_err(), "{quality}");
    }
}

#[test]
fn an_empty_page_is_empty_in_every_tier() {
    for quality in [Quality::Fast, Quality::Balanced] {
        let (reading, _) = read_tier(page(&[]), &tier(quality), &all_models(), SURE_OF_ALL);
        assert_eq!((reading.text.as_str(), reading.confidence, reading.needs_review), ("", None, false), "{quality}");
    }
}
