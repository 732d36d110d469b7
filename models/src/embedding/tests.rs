use sha2::{Digest as _, Sha256};

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

/// The same numbers as `models/tools/embedding_vectors.py` draws.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as u32
    }
}

/// As in that script.
const RANGES: [(u32, u32); 37] = [
    (0x20, 0x7E),
    (0x61, 0x7A),
    (0x61, 0x7A),
    (0x41, 0x5A),
    (0x20, 0x20),
    (0x00, 0x1F),
    (0x80, 0xFF),
    (0x100, 0x17F),
    (0x180, 0x24F),
    (0x300, 0x36F),
    (0x386, 0x3CE),
    (0x400, 0x45F),
    (0x5D0, 0x5EA),
    (0x621, 0x652),
    (0x905, 0x94D),
    (0xE01, 0xE3A),
    (0x1E00, 0x1EFF),
    (0x2000, 0x206F),
    (0x2070, 0x2071),
    (0x20A0, 0x20BF),
    (0x2100, 0x214F),
    (0x2190, 0x22FF),
    (0x2E00, 0x2E42),
    (0x3000, 0x303F),
    (0x3041, 0x3096),
    (0x30A1, 0x30FF),
    (0x4E00, 0x4E80),
    (0xAC00, 0xAC80),
    (0xE000, 0xE010),
    (0xF900, 0xF920),
    (0xFB00, 0xFB06),
    (0xFE30, 0xFE4F),
    (0xFF00, 0xFF65),
    (0xFFFC, 0xFFFD),
    (0x1F600, 0x1F640),
    (0x20000, 0x20020),
    (0x2F800, 0x2F820),
];

const PIECES: [&str; 15] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "##ing", "##ed", "an", "##an", "st", "##st", "ss", "##ss", "日", "##日",
];

fn tokenizer() -> Tokenizer {
    let letters = (0x21..0x250).chain(0x386..0x460).filter_map(char::from_u32).map(String::from);
    let mut pieces: Vec<String> = PIECES.map(String::from).into();
    pieces.extend(letters.clone());
    pieces.extend(letters.map(|letter| format!("##{letter}")));
    Tokenizer::of_vocabulary(&pieces.join("\n")).unwrap()
}

#[test]
fn odd_strings_come_to_the_pieces_that_hugging_face_s_tokenizers_finds() {
    let tokenizer = tokenizer();
    let mut numbers = Numbers(7);
    let expected = include_str!("../../tests/data/words.txt");
    for (block, expected) in expected.lines().enumerate() {
        let mut digest = Sha256::new();
        for _ in 0..64 {
            let mut text = String::new();
            for _ in 0..1 + numbers.next() % 60 {
                let (first, last) = RANGES[numbers.next() as usize % RANGES.len()];
                text.extend(char::from_u32(first + numbers.next() % (last - first + 1)));
            }
            if numbers.next().is_multiple_of(16) {
                text.push_str(&"a".repeat(95 + numbers.next() as usize % 10));
            }
            let pieces: Vec<u32> = tokenizer.words(&text).into_iter().flat_map(|word| word.pieces).collect();
            digest.update(u32::try_from(pieces.len()).unwrap().to_le_bytes());
            pieces.iter().for_each(|piece| digest.update(piece.to_le_bytes()));
        }
        let found: String = digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, expected, "strings {} to {}", block * 64, block * 64 + 63);
    }
}

#[test]
fn a_word_knows_where_it_came_from() {
    let text = "Café\u{ad}s (ÉTÉ)\u{0} 日本 ﬁn";
    let words = tokenizer().words(text);
    let found: Vec<&str> = words.iter().map(|word| &text[word.range.clone()]).collect();
    assert_eq!(found, ["Café\u{ad}s", "(", "ÉTÉ", ")", "日", "本", "ﬁn"]);
    assert_eq!(words[0].pieces, tokenizer().words("cafes")[0].pieces);
}

#[test]
fn a_question_is_marked_at_its_ends_and_filled_up_to_a_bucket() {
    let tokenizer = tokenizer();
    let query = tokenizer.query("the the").unwrap();
    assert_eq!((query.shape.as_slice(), query.data.len()), ([1, 16].as_slice(), 16));
    assert_eq!(query.data[..5], [2.0, 4.0, 4.0, 3.0, 0.0]);
    for nothing in ["", " \n\t", "\u{ad}\u{200b}"] {
        assert_eq!(tokenizer.query(nothing), None);
        assert_eq!(tokenizer.passages(nothing), []);
    }
    let long = tokenizer.query(&"the ".repeat(1000)).unwrap();
    assert_eq!((long.shape[1], long.data[255], long.data[254]), (256, 3.0, 4.0));
    // What reads like a mark is text.
    assert!(!tokenizer.query("a [SEP] b").unwrap().data[1..6].contains(&3.0));
}

/// Pieces of an input, its marks and padding left out.
fn inner(passage: &Passage) -> &[f32] {
    let end = passage.input.data.iter().rposition(|&piece| piece != 0.0).unwrap();
    &passage.input.data[1..end]
}

#[test]
fn a_page_is_cut_at_the_best_places_and_loses_no_word() {
    let tokenizer = tokenizer();
    let sentence = "the an the st the an the st the an. ";
    let paragraph = format!("{}\n\n", sentence.repeat(22).trim_end());
    let page = paragraph.repeat(4);
    let passages = tokenizer.passages(&page);
    // A paragraph has 242 pieces: each nearly fills a passage.
    assert_eq!(passages.len(), 4);
    for passage in &passages {
        assert_eq!(&page[passage.range.clone()], paragraph.trim_end());
        assert_eq!(passage.input.shape, [1, 256]);
    }
    for text in [sentence.repeat(60), "the ".repeat(700), "日".repeat(700), "a".repeat(9000), ".".repeat(999)] {
        let passages = tokenizer.passages(&text);
        let together: Vec<f32> = passages.iter().flat_map(inner).copied().collect();
        let words = tokenizer.words(&text);
        let whole: Vec<f32> = words.iter().flat_map(|word| &word.pieces).map(|&piece| piece as f32).collect();
        assert_eq!(together, whole, "{}", &text[..20.min(text.len())]);
        assert!(passages.windows(2).all(|two| two[0].range.end <= two[1].range.start));
        assert!(passages.iter().all(|passage| passage.input.data.len() == passage.input.shape[1]));
    }
    let sentences = sentence.repeat(60);
    let passages = tokenizer.passages(&sentences);
    assert!(passages.iter().all(|passage| sentences[passage.range.clone()].ends_with('.')), "cut behind sentences");
}

#[test]
fn a_word_that_a_line_s_end_has_broken_is_whole_to_the_model() {
    let tokenizer = tokenizer();
    let pieces = |text: &str| inner(&tokenizer.passages(text)[0]).to_vec();
    let whole = pieces("the standing an");
    for broken in
        ["the stand-\ning an", "the stand-\r\n  ing an", "the stand\u{ad}\ning an", "the stand\u{2010}\ning an"]
    {
        assert_eq!(pieces(broken), whole, "{broken:?}");
    }
    for not_broken in
        ["the stand-ing an", "the stand-\nIng an", "the stand-\n\ning an", "the 10-\ning an", "the stand -\ning an"]
    {
        assert_ne!(pieces(not_broken), whole, "{not_broken:?}");
    }
    let text = "the stand-\ning an";
    assert_eq!(tokenizer.passages(text)[0].range, 0..text.len());
}

#[test]
fn a_page_of_a_book_s_length_ends_in_a_bounded_number_of_passages() {
    let passages = tokenizer().passages(&"the ".repeat(100_000));
    assert_eq!(passages.len(), MAX_PASSAGES);
}
