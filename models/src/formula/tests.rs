//! The pure parts, against what the lab says of the same.

use serde_json::Value;

use super::{
    draft::Ngrams,
    grammar::{Grammar, Position},
    latex::latex,
    search::{Keep, Limits, Search},
    vocabulary::{END, Role, START, Vocabulary},
    *,
};

const TOKENS: &str = include_str!("../../shipped/formula-tokens.txt");

fn vocabulary() -> Vocabulary {
    Vocabulary::parse(TOKENS).unwrap()
}

/// Formulas of the lab's own: their numbers, and the LaTeX that it makes of them.
fn lab() -> Vec<(Vec<usize>, String)> {
    let text = include_str!("../../training/lab/formula/vectors.json");
    let cases: Vec<Value> = serde_json::from_str(text).unwrap();
    let numbers = |case: &Value| {
        case["numbers"].as_array().unwrap().iter().map(|number| number.as_u64().unwrap() as usize).collect()
    };
    cases.iter().map(|case| (numbers(case), case["dressed"].as_str().unwrap().to_owned())).collect()
}

/// Numbers below `below`, the same in every run.
fn random(state: &mut u64, below: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize % below
}

#[test]
fn latex_is_that_of_the_lab() {
    let (vocabulary, cases) = (vocabulary(), lab());
    assert!(cases.len() > 40);
    for (tokens, dressed) in cases {
        assert_eq!(latex(&tokens, &vocabulary), dressed);
    }
}

#[test]
fn the_labs_formulas_parse_and_what_is_cut_off_does_when_it_is_closed() {
    let grammar = Grammar::new(&vocabulary());
    for (tokens, _) in lab() {
        assert!(grammar.parses(&tokens), "{tokens:?}");
        let mut position = Position::default();
        for (index, &token) in tokens.iter().enumerate() {
            grammar.step(&mut position, token);
            let closing = grammar.closing(&position);
            assert!(closing.len() <= position.closing_bound(), "{tokens:?} at {index}");
            assert!(grammar.parses(&[&tokens[..=index], &closing].concat()), "{tokens:?} at {index}");
        }
    }
    for wrong in [&[2][..], &[44, 4], &[44, 4, 45, 4, 46], &[31, 44], &[6, 44], &[44, 3], &[]] {
        assert!(!grammar.parses(wrong), "{wrong:?}");
    }
}

#[test]
fn whatever_obeys_the_grammar_can_be_ended_anywhere() {
    let vocabulary = vocabulary();
    let grammar = Grammar::new(&vocabulary);
    let mut state = 7;
    for _ in 0..2000 {
        let (mut position, mut tokens) = (Position::default(), Vec::new());
        for _ in 0..random(&mut state, 80) {
            let allowed: Vec<usize> = (0..vocabulary.len()).filter(|&token| grammar.allows(&position, token)).collect();
            let token = allowed[random(&mut state, allowed.len())];
            if token == END {
                break;
            }
            grammar.step(&mut position, token);
            tokens.push(token);
        }
        let closing = grammar.closing(&position);
        assert!(closing.len() <= position.closing_bound(), "{tokens:?}");
        tokens.extend(closing);
        assert!(grammar.parses(&tokens), "{tokens:?}");
        let text = latex(&tokens, &vocabulary);
        let count = |sign: char| text.replace(r"\{", "").replace(r"\}", "").matches(sign).count();
        assert_eq!(count('{'), count('}'), "{text}");
        assert_eq!(text.matches(r"\begin").count(), text.matches(r"\end").count(), "{text}");
        // `\leftarrow` is another command.
        let commands = |name: &str| {
            let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphabetic());
            text.match_indices(name).filter(|(at, _)| ends(&text[at + name.len()..])).count()
        };
        assert_eq!(commands(r"\left"), commands(r"\right"), "{text}");
    }
}

#[test]
fn a_list_of_tokens_that_cannot_be_is_refused() {
    for (list, reason) in [
        ("letters a b", "Open"),
        ("letters a a", "twice"),
        ("nonsense a", "nonsense"),
        (&TOKENS.replace(" x ", " "), "no `x`"),
    ] {
        assert!(Vocabulary::parse(list).unwrap_err().contains(reason), "{list}");
    }
    let vocabulary = vocabulary();
    assert_eq!((vocabulary.token(END), vocabulary.token(START), vocabulary.role(2)), ("<end>", "<start>", Role::Open));
}

/// Logits by which one token after another is the likeliest, and one a little less so.
struct Script {
    best: Vec<usize>,
    second: usize,
    size: usize,
}

impl Script {
    fn logits(&self, at: usize) -> Vec<f32> {
        let mut logits = vec![0.0; self.size];
        logits[self.second] = 5.0;
        logits[*self.best.get(at).unwrap_or(&END)] = 6.0;
        logits
    }

    /// Writes a formula, with these tokens drafted at every step. The formula, and the number of runs.
    fn read(&self, limits: Limits, draft: &[usize]) -> (search::Found, usize) {
        let grammar = Grammar::new(&vocabulary());
        let (mut search, mut keep) = (Search::new(limits), Vec::<Keep>::new());
        for run in 1.. {
            search.ask(draft);
            let logits: Vec<Vec<f32>> = search.asked().iter().map(|asked| self.logits(asked.position)).collect();
            if let Some(found) = search.advance(|index| &logits[index], &grammar, &mut keep) {
                return (found, run);
            }
            assert!(keep.iter().all(|keep| keep.at < search.room(0)));
        }
        unreachable!()
    }
}

fn script(text: &str, second: &str) -> Script {
    let vocabulary = vocabulary();
    let best = text.split_whitespace().map(|token| vocabulary.number(token).unwrap()).collect();
    Script { best, second: vocabulary.number(second).unwrap(), size: vocabulary.len() }
}

const LIMITS: Limits = Limits { beam: 1, tokens: 184 };

#[test]
fn what_is_not_allowed_is_not_written_however_likely() {
    let vocabulary = vocabulary();
    let words = |found: &search::Found| found.tokens.iter().map(|&t| vocabulary.token(t)).collect::<Vec<_>>().join(" ");
    // A second superscript, a brace too many: the next best takes their place.
    let (found, _) = script("x ^ 2 ^ }", "y").read(LIMITS, &[]);
    assert_eq!((words(&found).as_str(), found.ending), ("x ^ 2 y y", Ending::Complete));
    // The end where an argument is missing.
    let (found, _) = script(r"\frac", "z").read(LIMITS, &[]);
    assert_eq!(words(&found), r"\frac z z");
}

#[test]
fn a_formula_never_grows_longer_than_it_may_and_parses_all_the_same() {
    let grammar = Grammar::new(&vocabulary());
    for beam in [1, 3] {
        for tokens in [1, 2, 5, 9, 30, 61] {
            for text in [r"\frac { ", r"\begin{matrix} x & ", r"\mathrm { a ", "x ^ { ", "x + y "] {
                let (found, _) = script(&text.repeat(60), "x").read(Limits { beam, tokens }, &[]);
                assert!(
                    found.tokens.len() <= tokens && grammar.parses(&found.tokens),
                    "{beam} {tokens} {text} {found:?}"
                );
                // With a beam another one that ends by itself may win.
                assert!(beam > 1 || found.ending != Ending::Complete, "{tokens} {text} {found:?}");
            }
        }
    }
}

#[test]
fn what_is_said_again_and_again_is_cut_and_a_matrix_of_noughts_is_not() {
    let grammar = Grammar::new(&vocabulary());
    let (found, _) = script(&format!("a {}", "b + ".repeat(80)), "x").read(LIMITS, &[]);
    assert!(
        found.ending == Ending::Repetition && found.tokens.len() <= 4 && grammar.parses(&found.tokens),
        "{found:?}"
    );
    let row = format!("{} 0", "0 & ".repeat(5));
    let matrix = format!(r"\begin{{matrix}} {} {row} \end{{matrix}}", format!(r"{row} \\ ").repeat(5));
    let (found, _) = script(&matrix, "x").read(LIMITS, &[]);
    assert_eq!(found.ending, Ending::Complete);
}

#[test]
fn drafts_change_the_number_of_runs_and_nothing_else() {
    let text = r"\frac { a + b } { a + b } + \sqrt { a + b } = c _ 1 ^ 2";
    let vocabulary = vocabulary();
    let numbers =
        |text: &str| text.split_whitespace().map(|token| vocabulary.number(token).unwrap()).collect::<Vec<_>>();
    let (plain, runs) = script(text, "y").read(LIMITS, &[]);
    assert_eq!(runs, plain.tokens.len() + 1);
    for draft in ["a + b }", "+ b } {", "y", "c c c c c c"] {
        let (drafted, fewer) = script(text, "y").read(LIMITS, &numbers(draft));
        assert_eq!(drafted, plain, "{draft}");
        assert!(
            fewer <= runs && (draft.len() < 3 || draft.starts_with('c') || fewer < runs),
            "{draft}: {fewer} of {runs}"
        );
    }
}

#[test]
fn a_draft_is_what_followed_before_and_obeys_the_grammar() {
    let vocabulary = vocabulary();
    let grammar = Grammar::new(&vocabulary);
    let number = |token: &str| vocabulary.number(token).unwrap();
    let entry = |tokens: &[&str]| tokens.iter().fold(0u64, |key, token| key << 10 | number(token) as u64);
    let mut entries = [entry(&["a", "+"]), entry(&["+", "b"]), entry(&["b", "+", "c"]), entry(&["c", "}"])];
    entries.sort_unstable();
    let bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.to_le_bytes()).collect();
    let table = Ngrams::parse(&bytes, vocabulary.len()).unwrap();
    let draft = |tokens: &[&str], most| {
        let (mut position, tokens): (_, Vec<usize>) = (Position::default(), tokens.iter().map(|t| number(t)).collect());
        tokens.iter().for_each(|&token| grammar.step(&mut position, token));
        let draft = table.draft(&tokens, &position, &grammar, most);
        draft.iter().map(|&token| vocabulary.token(token).to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(draft(&["a"], 5), "+ b");
    assert_eq!(draft(&["a"], 1), "+");
    assert_eq!(draft(&["b", "+"], 5), "c", "the longer context counts, and a brace cannot follow");
    assert_eq!(draft(&["x", "y", "z", "w", "x", "y", "z"], 2), "w x");
    assert_eq!(draft(&[], 3), "");
    for wrong in [&bytes[..7], &[255; 8], &[bytes[24..].to_vec(), bytes[..8].to_vec()].concat()] {
        assert!(Ngrams::parse(wrong, vocabulary.len()).is_err());
    }
}

mod pictures {
    use super::*;
    use picture::{GrayCrop, prepare};

    /// A page with a few strokes of this gray on that.
    fn page(width: usize, height: usize, (ink, paper): (u8, u8)) -> Vec<u8> {
        let mut data = vec![paper; width * height];
        for (left, top, right, bottom) in [(60, 40, 64, 70), (72, 50, 84, 70), (90, 44, 93, 70), (60, 76, 120, 78)] {
            for y in top..bottom {
                data[y * width + left..y * width + right].fill(ink);
            }
        }
        data
    }

    #[test]
    fn neither_margins_nor_polarity_matter() {
        let of = |width, height, colours| {
            let data = page(width, height, colours);
            prepare(GrayCrop::new(&data, width, height).unwrap()).unwrap()
        };
        let dark = of(200, 120, (20, 240));
        assert!(dark.data.contains(&1.0) && dark.height % 16 == 0 && dark.width % 16 == 0);
        assert_eq!(dark, of(400, 300, (20, 240)));
        assert_eq!(dark, of(200, 120, (235, 15)), "white on black");
        let part = page(300, 120, (20, 240));
        assert_eq!(dark, prepare(GrayCrop::part(&part, 300, 200, 120).unwrap()).unwrap());
    }

    #[test]
    fn crops_without_ink_or_with_one_pixel_are_no_trouble() {
        for (width, height) in [(0, 0), (0, 9), (1, 1), (50, 50)] {
            let blank = vec![255; width * height];
            assert_eq!(prepare(GrayCrop::new(&blank, width, height).unwrap()), None, "{width} x {height}");
        }
        for (width, height) in [(3, 3), (4000, 2), (2, 4000), (1, 9)] {
            let mut data = vec![255; width * height];
            data[width * height / 2] = 0;
            let one = prepare(GrayCrop::new(&data, width, height).unwrap());
            assert!(one.is_none_or(|one| one.height <= 240 && one.width <= 976), "{width} x {height}");
        }
        let wide = page(5000, 90, (0, 255))
            .iter()
            .enumerate()
            .map(|(i, &v)| if i % 97 < 2 { 0 } else { v })
            .collect::<Vec<_>>();
        let picture = prepare(GrayCrop::new(&wide, 5000, 90).unwrap()).unwrap();
        assert!(picture.width <= 976 && picture.height <= 240);
        assert!(GrayCrop::new(&wide, 5000, 91).is_none() && GrayCrop::part(&wide, 10, 11, 1).is_none());
    }
}
