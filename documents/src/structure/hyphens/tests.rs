use super::*;

fn of(left: &str, right: &str, words: &Vocabulary, is_english: bool) -> Resolved {
    resolve(Broken { left, hyphen: '-', right, is_first: false }, words, is_english)
}

fn vocabulary(text: &str) -> Vocabulary {
    let mut words = Vocabulary::default();
    words.add_line(text, false, |_| {});
    words
}

#[test]
fn hyphens_stay_where_they_belong_to_the_word() {
    let none = Vocabulary::default();
    use HyphenEvidence::{Default, File, Shape, WordList};
    for (left, right, kept, by) in [
        ("inter", "polation", false, WordList),
        ("infras", "tructure", false, WordList),
        ("(so", "called", true, WordList),
        ("well", "known", true, WordList),
        ("large", "scale", true, WordList),
        ("state-of-the", "art", true, Shape),
        ("day-to", "day", true, Shape),
        ("input/out", "put", false, WordList),
        ("T", "shirt", true, Shape),
        ("e", "mail", true, Shape),
        ("Anglo", "Saxon", true, Shape),
        ("12", "15", true, Shape),
        ("COVID", "19", true, Shape),
        ("NACP", "REP1", true, Shape),
        ("GPU", "bound", true, Shape),
        ("ADMINIS", "TRATION", false, WordList),
        ("Hart", "mann,", false, Shape),
        ("loop", "less", false, Shape),
        ("TermDocument", "Matrix", false, Default),
        ("non", "linear", false, WordList),
        ("non", "convex", true, WordList),
        ("hyper", "parameters", false, Default),
        ("tokeni", "zation", false, Default),
        ("Kra", "ków", false, Default),
        ("https://www.debian.org/doc/packaging", "manuals/", true, Shape),
        ("ftp", "master.debian.org,", true, Shape),
        ("debian", "bugs@lists.example.org", true, Shape),
        ("--no-default", "keyring", true, Shape),
        ("spat", "stat.data", false, Shape),
    ] {
        assert_eq!(of(left, right, &none, true), resolved(kept, by), "{left}-{right}");
    }
    let soft = Broken { left: "exam", hyphen: '\u{ad}', right: "ple", is_first: false };
    assert_eq!(resolve(soft, &none, true), resolved(false, File));
    // A name within a sentence, or its first word.
    assert_eq!(of("Mat", "lab", &none, true), resolved(false, Shape));
    let first = Broken { left: "Cross", hyphen: '-', right: "entropy", is_first: true };
    assert_eq!(resolve(first, &none, true), resolved(true, WordList));
    assert!(is_first("") && is_first("It ends. ") && !is_first("as the ") && !is_first("of A, "));
}

#[test]
fn of_other_languages_shapes_tell() {
    use HyphenEvidence::{Default, Document, Shape};
    let none = Vocabulary::default();
    for (left, right, kept, by) in [
        ("wohl", "bekannt", false, Default),
        ("c’est-à", "dire", true, Shape),
        ("peut", "être", true, Shape),
        ("Ausschneiden", "und-Einfügen", true, Shape),
        ("sot", "to", false, Default),
        ("Haus", "Boot", true, Shape),
        ("ci-des", "sus", false, Default),
        ("\"/etc/fstab\"-Da", "tei", false, Default),
    ] {
        assert_eq!(of(left, right, &none, false), resolved(kept, by), "{left}-{right}");
    }
    let words = vocabulary("Wand und Dach sind freie Flächen");
    let both = of("Ein", "und", &words, false);
    assert!(both.kept && both.with_blank);
    assert_eq!(of("nicht", "freie", &words, false), resolved(true, Document));
    assert_eq!(of("http://www.wa", "nd.example", &vocabulary("die Wand ist"), false), resolved(false, Document));
}

#[test]
fn the_text_itself_knows_best() {
    use HyphenEvidence::{Document, WordList};
    let mut page = vocabulary("a data-base of well known hyper-parameters, OLS and the CUSUM, hyper-");
    assert!(page.add_line("parameters and inter-", true, |_| {}));
    for (left, right) in [("data", "base"), ("hyper", "parameters."), ("OLS", "CUSUM")] {
        assert_eq!(of(left, right, &page, true), resolved(true, Document), "{left}-{right}");
    }
    assert_eq!(page.count(&["parameters"]), 0, "it was broken");
    // As it writes other words of this beginning.
    let apart = vocabulary("non-convex and non-smooth, seldom nonnegative");
    assert_eq!(of("non", "linear", &apart, true), resolved(false, WordList));
    let apart = vocabulary("non-convex, non-zero and non-smooth, seldom nonnegative");
    assert_eq!(of("non", "linear", &apart, true), resolved(true, Document));
    let together = vocabulary("nonlinear and nonnegative");
    assert_eq!(of("non", "convex", &together, true), resolved(false, Document));
}

#[test]
fn other_languages_are_told_from_english() {
    let german = "die Häfen wurden lange nicht gebaut und später wieder verlassen weil niemand dort wohnen wollte";
    let english = "the harbours were not built for a long time and later left again since nobody wanted to live there";
    assert!(!is_english(None, [german].into_iter()) && is_english(None, [english].into_iter()));
    assert!(!is_english(Some("de-DE"), [english].into_iter()) && is_english(Some("en"), [english].into_iter()));
}
