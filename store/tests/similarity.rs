//! What the similarity index promises about pages that repeat each other.

mod common;

use std::{fs, path::PathBuf};

use common::{commit, page, submit};
use pagestream_documents::DocumentId;
use pagestream_store::{
    Outcome, Store, StoreOptions,
    similarity::{MAX_PAIRS, NEAR_DUPLICATE, PageKey, Verdict, cosine, signature},
};

const PAGE: &str = "In the beginning the workshop was small, and the two brothers set every line of type by hand, under \
                    a lamp that smoked whenever the wind came down the chimney from the sea. Nobody in the town could \
                    read what they printed, and so nobody complained of the errors.";
const OTHER: &str = "Of the pages that follow not one was made in that place; the presses had been sold, the type was \
                     melted for shot, and neither man spoke of it again to anyone who asked, or even to those who knew.";

fn key(document: DocumentId, number: u32) -> PageKey {
    PageKey { document, page: page(number) }
}

fn misread(text: &str) -> String {
    text.replace("lamp", "1amp").replace("wind", "vvind").replace("every", "evcry")
}

fn check(store: &Store, key: PageKey, text: &str) -> Verdict {
    store.similarity().check_and_insert(key, text).unwrap()
}

#[test]
fn the_same_text_and_a_misread_one_are_duplicates_of_the_first() {
    let store = Store::temporary(StoreOptions::default()).unwrap();
    let [a, b] = [submit(&store, b"a"), submit(&store, b"b")];
    assert_eq!(check(&store, key(a, 1), PAGE), Verdict::Unique);
    assert_eq!(check(&store, key(a, 2), OTHER), Verdict::Unique);
    let of = key(a, 1);
    assert_eq!(
        check(&store, key(b, 1), &PAGE.replace(' ', "\n")),
        Verdict::Duplicate { of, similarity: 1.0, differs: None }
    );
    let Verdict::Duplicate { of: found, similarity, differs: Some(differs) } = check(&store, key(b, 2), &misread(PAGE))
    else {
        panic!("a misread page is a near-duplicate")
    };
    assert_eq!(found, of);
    assert!((NEAR_DUPLICATE..1.0).contains(&similarity), "{similarity}");
    assert_eq!(differs.different, 3);
    assert!(differs.pairs.contains(&["lamp".to_owned(), "1amp".to_owned()]), "{differs:?}");
    // What repeats is never what others repeat.
    assert_eq!(check(&store, key(b, 3), &misread(PAGE)), Verdict::Duplicate { of, similarity, differs: Some(differs) });
    let found = store.similarity().similar(&misread(PAGE), 9).unwrap();
    assert_eq!(found.iter().map(|near| near.key).collect::<Vec<_>>(), [key(a, 1), key(a, 2)]);
}

#[test]
fn a_page_is_never_a_duplicate_of_itself() {
    let store = Store::temporary(StoreOptions::default()).unwrap();
    let a = submit(&store, b"a");
    for _ in 0..2 {
        assert_eq!(check(&store, key(a, 1), PAGE), Verdict::Unique);
    }
    let repeated = check(&store, key(a, 2), PAGE);
    assert_eq!(check(&store, key(a, 2), PAGE), repeated, "the same question gets the same answer");
    assert_eq!(check(&store, key(a, 1), &misread(PAGE)), Verdict::Unique, "read again, with another text");
    assert_eq!(check(&store, key(a, 2), OTHER), Verdict::Unique);
    assert_eq!(check(&store, key(a, 3), OTHER), Verdict::Duplicate { of: key(a, 2), similarity: 1.0, differs: None });
}

#[test]
fn blank_and_tiny_pages_are_never_duplicates() {
    let store = Store::temporary(StoreOptions::default()).unwrap();
    let a = submit(&store, b"a");
    for number in 1..=3 {
        assert_eq!(check(&store, key(a, number), "This page is intentionally left blank."), Verdict::Unique);
        assert_eq!(check(&store, key(a, 10 + number), ""), Verdict::Unique);
    }
    assert!(store.similarity().similar("blank", 9).unwrap().is_empty());
}

#[test]
fn after_a_crash_only_committed_pages_are_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Store::open(dir.path(), StoreOptions::default()).unwrap();
    let store = open();
    let [a, b] = [submit(&store, b"a"), submit(&store, b"b")];
    // a1 is compared and not committed; b1 repeats it and is. c is committed and stands.
    assert_eq!(check(&store, key(a, 1), PAGE), Verdict::Unique);
    assert!(matches!(check(&store, key(b, 1), PAGE), Verdict::Duplicate { .. }));
    assert_eq!(check(&store, key(b, 2), OTHER), Verdict::Unique);
    store.commit(&[commit(b, 1, PAGE), commit(b, 2, OTHER)]).unwrap();
    drop(store);

    let store = open();
    assert_eq!(check(&store, key(b, 3), OTHER), Verdict::Duplicate { of: key(b, 2), similarity: 1.0, differs: None });
    assert_eq!(check(&store, key(a, 1), PAGE), Verdict::Unique, "not a duplicate of what repeats it");
    assert_eq!(check(&store, key(b, 4), PAGE), Verdict::Duplicate { of: key(a, 1), similarity: 1.0, differs: None });
    drop(store);

    // Now a1 is lost again, and another page with its text comes first: it must not point at what may never come back.
    let store = open();
    assert_eq!(check(&store, key(b, 5), PAGE), Verdict::Unique);
    assert_eq!(check(&store, key(a, 1), PAGE), Verdict::Duplicate { of: key(b, 5), similarity: 1.0, differs: None });
}

#[test]
fn the_first_repetition_takes_the_place_of_a_removed_page() {
    let store = Store::temporary(StoreOptions::default()).unwrap();
    let [a, b, c] = [&b"a"[..], b"b", b"c"].map(|bytes| submit(&store, bytes));
    assert_eq!(check(&store, key(a, 1), PAGE), Verdict::Unique);
    for document in [b, c] {
        assert!(matches!(check(&store, key(document, 1), &misread(PAGE)), Verdict::Duplicate { .. }));
    }
    store.finish(a, Outcome::Done, None).unwrap();
    store.remove(a).unwrap();
    let found = store.similarity().similar(PAGE, 9).unwrap();
    assert_eq!(found.iter().map(|near| near.key).collect::<Vec<_>>(), [key(b, 1)]);
    assert!(matches!(check(&store, key(c, 2), PAGE), Verdict::Duplicate { of, .. } if of == key(b, 1)));
    store.similarity().remove(key(b, 1)).unwrap();
    assert!(matches!(check(&store, key(c, 3), PAGE), Verdict::Duplicate { of, .. } if of == key(c, 1)));
}

#[test]
fn removal_promotes_the_first_page_that_has_a_text() {
    let store = Store::temporary(StoreOptions::default()).unwrap();
    let [a, b, c, d] = [&b"a"[..], b"b", b"c", b"d"].map(|bytes| submit(&store, bytes));
    for document in [a, b, c] {
        check(&store, key(document, 1), PAGE);
        // b was delivered without the text that it repeats.
        store.commit(&[commit(document, 1, if document == b { "" } else { PAGE })]).unwrap();
    }
    store.finish(a, Outcome::Done, None).unwrap();
    store.remove(a).unwrap();
    assert!(matches!(check(&store, key(d, 1), PAGE), Verdict::Duplicate { of, .. } if of == key(c, 1)));
}

#[test]
fn a_page_that_was_never_committed_is_forgotten_with_the_end_of_its_document() {
    let store = Store::temporary(StoreOptions::default()).unwrap();
    let [a, b, c] = [&b"a"[..], b"b", b"c"].map(|bytes| submit(&store, bytes));
    assert_eq!(check(&store, key(a, 1), PAGE), Verdict::Unique);
    assert_eq!(check(&store, key(a, 2), OTHER), Verdict::Unique);
    assert!(matches!(check(&store, key(b, 1), PAGE), Verdict::Duplicate { .. }));
    store.commit(&[commit(a, 2, OTHER)]).unwrap();
    store.finish(a, Outcome::Cancelled, None).unwrap();
    assert!(matches!(check(&store, key(c, 1), &misread(PAGE)), Verdict::Duplicate { of, .. } if of == key(b, 1)));
    assert_eq!(check(&store, key(c, 2), OTHER), Verdict::Duplicate { of: key(a, 2), similarity: 1.0, differs: None });
    // A page of a document that ended is compared, and not remembered.
    let new = OTHER.chars().rev().collect::<String>();
    assert_eq!(check(&store, key(a, 3), &new), Verdict::Unique);
    assert_eq!(check(&store, key(c, 3), &new), Verdict::Unique);
}

/// A page of one form: two numbers and a name tell it from others.
fn form(number: u32, name: &str, amount: &str) -> String {
    format!(
        "Northern Joinery Supplies\nInvoice no. {number}\n\nDear {name},\n\nwe thank you for your order and invoice the goods \
         named below as agreed. The goods remain our property until they have been paid in full. Complaints about visible \
         defects must reach us in writing within eight days. Please pay {amount} within thirty days to the account named below."
    )
}

#[test]
fn pages_of_one_template_are_not_duplicates() {
    let store = Store::temporary(StoreOptions::default()).unwrap();
    let a = submit(&store, b"a");
    let texts =
        [form(4711, "Anna Schneider", "120.00"), form(4812, "Peter Garcia", "98.50"), form(5020, "Ewa Novak", "7.10")];
    for (number, text) in (1..).zip(&texts) {
        assert_eq!(check(&store, key(a, number), text), Verdict::Unique, "{text}");
        // Misread, each is a duplicate of itself and of no other.
        assert!(!check(&store, key(a, 10 + number), &misread_form(text)).is_unique(), "{text}");
    }
}

fn misread_form(text: &str) -> String {
    text.replace("Joinery", "Joinerv")
        .replace("thank", "thanl")
        .replace("property", "pr0perty")
        .replace("eight", "eiglit")
}

#[test]
fn numbers_decide() {
    let store = Store::temporary(StoreOptions::default()).unwrap();
    let a = submit(&store, b"a");
    let text = form(4711, "Anna Schneider", "120.00");
    assert_eq!(check(&store, key(a, 1), &text), Verdict::Unique);
    assert_eq!(
        check(&store, key(a, 2), &text.replace("120.00", "130.00")),
        Verdict::Unique,
        "one digit is another amount"
    );
    let misread = text.replace("120.00", "l20.OO").replace("thirty", "thirtv");
    let Verdict::Duplicate { of, differs: Some(differs), .. } = check(&store, key(a, 3), &misread) else {
        panic!("digits that were taken for letters are misread")
    };
    assert_eq!((of, differs.pairs.len()), (key(a, 1), 3));
    assert!(!check(&store, key(a, 4), &text.replace("account", "acccunt")).is_unique());
}

#[test]
fn a_re_scan_with_noise_is_a_duplicate() {
    let store = Store::temporary(StoreOptions::default()).unwrap();
    let a = submit(&store, b"a");
    assert_eq!(check(&store, key(a, 1), PAGE), Verdict::Unique);
    for (number, every) in [(2, 50), (3, 30), (4, 20)] {
        let Verdict::Duplicate { of, differs: Some(differs), .. } = check(&store, key(a, number), &noise(PAGE, every))
        else {
            panic!("one letter in {every} is misread")
        };
        assert_eq!(of, key(a, 1));
        assert!(differs.different > 0 && differs.pairs.len() <= MAX_PAIRS, "{differs:?}");
    }
    // Columns that were read in another order are the same page.
    let (first, second) = PAGE.split_at(PAGE.find("Nobody").unwrap());
    assert!(!check(&store, key(a, 5), &format!("{second} {first}")).is_unique());
}

/// Misreads one character in `every`, in a way that depends on the place alone.
fn noise(text: &str, every: usize) -> String {
    let swap = |c: char| match c {
        'e' => 'c',
        'l' => '1',
        'o' => '0',
        'n' => 'u',
        'h' => 'b',
        'i' => 'l',
        's' => '5',
        _ => '.',
    };
    text.chars().enumerate().map(|(i, c)| if (i * 7 + i / 11) % every == 0 { swap(c) } else { c }).collect()
}

#[test]
fn near_duplicates_of_the_corpora_are_found_and_nothing_else() {
    let Some(root) = std::env::var_os("PAGESTREAM_CORPORA").map(PathBuf::from) else {
        println!("skipped: PAGESTREAM_CORPORA is not set");
        return;
    };
    // Articles, five of them twice in slightly other words.
    let articles = fs::read_to_string(root.join("neardup/minhash/articles_100.train")).unwrap();
    let articles: Vec<(&str, &str)> = articles.lines().filter_map(|line| line.split_once(' ')).collect();
    let truth = fs::read_to_string(root.join("neardup/minhash/articles_100.truth")).unwrap();
    let mut expected: Vec<[&str; 2]> = truth
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(a, b)| {
            let place = |id| articles.iter().position(|(found, _)| *found == id);
            if place(a) < place(b) { [a, b] } else { [b, a] }
        })
        .collect();
    let store = Store::temporary(StoreOptions::default()).unwrap();
    let document = submit(&store, b"articles");
    let mut found = Vec::new();
    for (number, (id, text)) in (1..).zip(&articles) {
        if let Verdict::Duplicate { of, similarity, .. } = check(&store, key(document, number), text) {
            println!("{id} repeats {} at {similarity:.3}", articles[of.page.index() as usize].0);
            found.push([articles[of.page.index() as usize].0, *id]);
        }
    }
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);

    // Pages of old books, each against itself with one character in fifty misread, and against all the others.
    let mut pages = Vec::new();
    for folder in ["ocr/old-books-dataset", "neardup/old-books-dataset"] {
        for file in fs::read_dir(root.join(folder)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "txt") {
                pages.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    let signatures: Vec<_> =
        pages.iter().filter_map(|text| Some((signature(text)?, signature(&noise(text, 50))?))).collect();
    assert!(signatures.len() >= 20);
    let (mut nearest_pair, mut farthest_self) = (0.0_f32, 1.0_f32);
    for (i, (clean, noisy)) in signatures.iter().enumerate() {
        farthest_self = farthest_self.min(cosine(clean, noisy));
        for (other, _) in &signatures[i + 1..] {
            nearest_pair = nearest_pair.max(cosine(clean, other));
        }
    }
    println!("{} pages: two readings of one >= {farthest_self:.3}, two pages <= {nearest_pair:.3}", signatures.len());
    assert!(nearest_pair < NEAR_DUPLICATE);
    assert!(farthest_self >= NEAR_DUPLICATE, "{farthest_self}");
}
