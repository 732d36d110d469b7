//! Formulas alone, as a shell and as a program sees them: `process --as formula`, `eval --formula`, and [`pagestream::FormulaReader`].

mod shell;

use std::{fs, fs::File, path::Path, process::Stdio};

use image::{DynamicImage, GrayImage, Luma, Rgba, RgbaImage};
use pagestream::{FormulaReader, Settings, formula::Ending};
use serde_json::Value;
use shell::{Home, Outcome};
use tiff::encoder::{TiffEncoder, colortype::Gray8};

const POWERS: &str = "x^{2}+y^{2}=z^{2}";

fn example(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/formulas").join(name)).unwrap()
}

fn gray(name: &str) -> GrayImage {
    image::load_from_memory(&example(name)).unwrap().into_luma8()
}

fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A home with these pictures, and nothing installed.
fn home(pictures: &[(&str, Vec<u8>)]) -> Home {
    let home = Home::new();
    pictures.iter().for_each(|(name, bytes)| home.write(name, bytes));
    home
}

fn with_input(home: &Home, input: &str, arguments: &[&str]) -> Outcome {
    let mut command = home.command(arguments);
    command.stdin(Stdio::from(File::open(home.path(input)).unwrap()));
    home.outcome(command.spawn().unwrap())
}

#[test]
fn a_file_and_standard_input_are_read_without_anything_installed() {
    let home = home(&[("powers.png", example("powers.png")), ("sum.png", example("sum.png"))]);
    let outcome = home.run(&["process", "powers.png", "sum.png", "--as", "formula"]);
    outcome.expect(0, "");
    assert_eq!(outcome.out, format!("{POWERS}\n\\sum_{{i=1}}^{{n}}x_{{i}}\n"));
    let piped = with_input(&home, "powers.png", &["process", "-", "--as", "formula"]);
    piped.expect(0, "");
    assert_eq!(piped.out, format!("{POWERS}\n"));
    assert_eq!(home.files("."), ["powers.png", "sample.pdf", "sum.png"], "nothing is left behind");
}

#[test]
fn each_format_has_the_formula_and_what_makes_no_sense_is_refused() {
    let home = home(&[("powers.png", example("powers.png")), ("sum.png", example("sum.png"))]);
    let of = |format: &str| {
        let outcome = home.run(&["process", "powers.png", "--as", "formula", "-f", format]);
        outcome.expect(0, "");
        outcome.out
    };
    assert_eq!([of("latex"), of("text"), of("txt")], [(); 3].map(|()| format!("{POWERS}\n")));
    assert_eq!(of("markdown"), format!("$${POWERS}$$\n"));
    let mathml = of("mathml");
    assert!(mathml.starts_with("<math ") && mathml.contains("<msup><mi>x</mi><mn>2</mn></msup>"), "{mathml}");
    let object: Value = serde_json::from_str(&of("json")).unwrap();
    assert_eq!((&object["schema"], &object["source"]), (&"pagestream.formula/1".into(), &"powers.png".into()));
    assert_eq!((&object["latex"], &object["text"]), (&POWERS.into(), &"x² + y² = z²".into()));
    assert_eq!((&object["ending"], &object["needs_review"]), (&"complete".into(), &false.into()));
    assert!(object["confidence"].as_f64().unwrap() > 0.85 && object["mathml"] == mathml.trim_end(), "{object}");
    let both =
        home.run(&["process", "powers.png", "sum.png", "--as", "formula", "-f", "markdown", "--formulas", "brackets"]);
    assert!(both.out.starts_with(&format!("\\[{POWERS}\\]\n\n\\[\\sum")), "{}", both.out);

    let refused = |arguments: &[&str], err: &str| {
        let outcome = home.run(&[&["process", "powers.png", "--as", "formula"], arguments].concat());
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(9), ""));
        assert_eq!(outcome.err.lines().next(), Some(err));
    };
    refused(&["-f", "hocr"], "error: a formula alone is not printed as hocr");
    refused(&["-f", "latex,json"], "error: a formula alone is printed in one format");
    refused(&["-o", "out"], "error: --output does not go with --as formula");
    refused(&["--data-dir", "d"], "error: --data-dir does not go with --as formula");
    refused(&["--ocr", "never"], "error: --ocr does not go with --as formula");
    refused(&["--formulas", "off"], "error: --formulas is about Markdown, and the format is not it");
    let pages = home.run(&["process", "powers.png", "-f", "latex"]);
    assert_eq!(pages.err.lines().next(), Some("error: latex, txt and mathml are formats of a formula alone"));
}

#[test]
fn dark_and_transparent_pictures_are_read_as_black_on_white() {
    let paper = gray("powers.png");
    let dark = GrayImage::from_fn(paper.width(), paper.height(), |x, y| Luma([255 - paper.get_pixel(x, y)[0]]));
    let clear =
        RgbaImage::from_fn(paper.width(), paper.height(), |x, y| Rgba([0, 0, 0, 255 - paper.get_pixel(x, y)[0]]));
    let home = home(&[("dark.png", png(dark)), ("clear.png", png(clear))]);
    let outcome = home.run(&["process", "dark.png", "clear.png", "--as", "formula"]);
    outcome.expect(0, "");
    assert_eq!(outcome.out, format!("{POWERS}\n{POWERS}\n"));
}

#[test]
fn every_page_of_a_tiff_is_a_formula_and_pages_can_be_chosen() {
    let mut tiff = std::io::Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut tiff).unwrap();
    for name in ["powers.png", "sum.png"] {
        let page = gray(name);
        encoder.write_image::<Gray8>(page.width(), page.height(), page.as_raw()).unwrap();
    }
    let home = home(&[("two.tif", tiff.into_inner())]);
    let all = home.run(&["process", "two.tif", "--as", "formula", "-f", "json"]);
    all.expect(0, "");
    let pages: Vec<_> = all.records().iter().map(|page| (page["page"].clone(), page["latex"].clone())).collect();
    assert_eq!(pages, [(1.into(), POWERS.into()), (2.into(), "\\sum_{i=1}^{n}x_{i}".into())]);
    let second = home.run(&["process", "two.tif", "--as", "formula", "--pages", "2,7"]);
    second.expect(0, "warning: two.tif: it has 2 pages, and none is page 7\n");
    assert_eq!(second.out, "\\sum_{i=1}^{n}x_{i}\n");
}

#[test]
fn rubbish_is_told_and_the_others_are_read() {
    let home = home(&[("rubbish.png", b"no picture at all".to_vec()), ("powers.png", example("powers.png"))]);
    let outcome = home.run(&["process", "rubbish.png", "gone.png", "powers.png", "--as", "formula"]);
    assert_eq!((outcome.code, outcome.out), (Some(2), format!("{POWERS}\n")));
    let told: Vec<&str> = outcome.err.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(
        told[0].starts_with("error: rubbish.png: ") && told[1].starts_with("error: gone.png: cannot be read"),
        "{told:?}"
    );
    let piped = with_input(&home, "rubbish.png", &["process", "-", "--as", "formula"]);
    assert_eq!((piped.code, piped.out.as_str()), (Some(2), ""));
    assert!(piped.err.starts_with("error: -: "), "{}", piped.err);
}

#[test]
fn an_empty_picture_is_no_formula_and_no_failure() {
    let home = home(&[("empty.png", png(GrayImage::from_pixel(300, 80, Luma([255]))))]);
    let outcome = home.run(&["process", "empty.png", "--as", "formula", "-f", "json"]);
    outcome.expect(0, "warning: empty.png: there is no ink in it, and so no formula\n");
    let object = &outcome.records()[0];
    assert_eq!((&object["latex"], &object["ending"], &object["mathml"]), (&"".into(), &"empty".into(), &Value::Null));
}

#[test]
fn without_a_model_it_is_said_so() {
    let home = home(&[("powers.png", example("powers.png"))]);
    let outcome = home.run(&["process", "powers.png", "--as", "formula", "--set", "models.formula=none"]);
    assert_eq!(outcome.code, Some(3));
    assert!(outcome.err.starts_with("error: no model reads formulas here\n hint: "), "{}", outcome.err);
}

#[test]
fn a_program_keeps_a_reader_and_asks_it_again() {
    let mut reader = FormulaReader::new(&Settings::defaults()).unwrap();
    let first = reader.read(example("powers.png")).unwrap();
    assert_eq!((first.latex.as_str(), first.ending), (POWERS, Ending::Complete));
    assert!(reader.read(b"rubbish".to_vec()).is_err());
    let page = gray("powers.png");
    let (width, height) = (page.width() as usize, page.height() as usize);
    assert_eq!(reader.read_pixels(page.as_raw(), width, height).unwrap(), first);
    assert!(reader.read_pixels(page.as_raw(), width, height + 1).is_err());
    assert_eq!(reader.model().id, "formula");
    assert!(reader.memory().bytes() > 1_000_000);
}

#[test]
fn formulas_within_the_lines_of_a_page_of_pixels_are_found_and_read() {
    let home = home(&[("lines.png", example("lines.png"))]);
    let read = |format: &str, more: &[&str]| {
        home.run(&[&["process", "-q", "lines.png", "--quality", "fast", "-f", format], more].concat())
    };
    let markdown = read("markdown", &[]);
    markdown.expect(0, "");
    for said in [
        "Let $f$ be a function on the set",
        r"first kind where $f(x_{i}) \leq \alpha$, and of the second",
        "at most $2^{n} - 1$, which is",
        "the example $y = x^{2} + 1$ shows. On 12 of the 40 pages of the report of 1987 the word",
        r"and a point $p \in A \cap B$ so that the sum $\sum_{i = 1}^{n} a_{i}$ is small. Nobody",
    ] {
        // The decoder and the reader of symbols part their signs otherwise.
        let bare = |text: &str| text.replace(' ', "");
        assert!(bare(&markdown.out).contains(&bare(said)), "{said}\n{}", markdown.out);
    }
    let page = &read("jsonl", &[]).records()[0];
    let models: Vec<&str> =
        page["models"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert!(models.contains(&"formula-inline-int8") && models.contains(&"formula"), "{models:?}");
    assert!(page["needs_review"].is_null() && page["confidence"].as_f64().unwrap() > 0.97, "{page}");
    for more in [&["--set", "models.formula=none"][..], &["--structure", "lines"]] {
        let without = read("markdown", more);
        assert!(!without.out.contains('$'), "{more:?}: {}", without.out);
    }
}

#[test]
fn pictures_with_their_latex_are_scored() {
    let home = Home::new();
    for name in ["powers", "sum"] {
        home.write(&format!("f/{name}.png"), example(&format!("{name}.png")));
        home.write(&format!("f/{name}.tex"), example(&format!("{name}.tex")));
        home.write(&format!("read/{name}.tex"), r"x^2 + y^2 = z");
    }
    home.write("f/sum.tex", r"$$\sum\limits^n_{i = 1} {x}_i \label{sum}$$");
    home.write("f/unknown.png", example("sum.png"));
    let outcome = home.run(&["eval", "--formula", "f", "--json"]);
    outcome.expect(0, "");
    let report: Value = serde_json::from_str(&outcome.out).unwrap();
    let overall = &report["overall"];
    assert_eq!((&overall["formulas"], &overall["exact"], &overall["same_look"]), (&2.into(), &1.0.into(), &1.0.into()));
    assert_eq!((&overall["edit"], &overall["bleu"], &overall["parses"]), (&0.0.into(), &1.0.into(), &1.0.into()));
    assert_eq!((&report["without_truth"][0], &report["model"]["id"]), (&"unknown.png".into(), &"formula".into()));
    // What another program has read.
    let texts = home.run(&["eval", "--formula", "f", "--texts", "read"]);
    texts.expect(0, "");
    let all: Vec<&str> = texts.out.lines().filter(|line| line.contains(" all ")).collect();
    assert_eq!(
        all[0].split_whitespace().take(5).collect::<Vec<_>>(),
        [".", "all", "2", "0.000", "0.000"],
        "{}",
        texts.out
    );
    let nothing = home.run(&["eval", "--formula", "read"]);
    assert_eq!(nothing.code, Some(2), "{}", nothing.err);
    // No TeX is installed here.
    let set = home.run(&["eval", "--formula", "f", "--set-with", "latex"]);
    assert_eq!(set.code, Some(3));
    assert!(set.err.starts_with("error: latex cannot be run"), "{}", set.err);
}
