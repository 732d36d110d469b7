//! How the program ends: whatever its threads are at, without a crash, and with the code that says what came of it.

mod shell;

use shell::Home;

/// A page that needs no inference is done before the library is loaded for it, and the program then ended while a thread was inside
/// the library: in one run of four that was a crash.
#[test]
fn two_hundred_short_runs_end_without_a_signal() {
    const RUNS: usize = 200;
    let home = Home::with_models();
    let blank = short_pdf(&[""]);
    home.write("blank.pdf", &blank);
    home.write("text-then-blank.pdf", short_pdf(&["BT /F 12 Tf 72 720 Td (One line, and then nothing.) Tj ET", ""]));
    home.write("damaged.pdf", &blank[..blank.len() / 3]);
    home.write("empty.pdf", "");
    let documents = ["blank.pdf", "text-then-blank.pdf", "damaged.pdf", "empty.pdf"];
    let ended = |run: usize| home.run(&["process", documents[run % documents.len()]]).code;
    // Two at a time: the cores are busy with each other, as they are for most people.
    let codes: Vec<Option<i32>> = std::thread::scope(|scope| {
        let half = |first: usize| scope.spawn(move || (first..RUNS).step_by(2).map(ended).collect::<Vec<_>>());
        let halves = [0, 1].map(half);
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    // A process that a signal ended has no code.
    let crashed = codes.iter().filter(|code| code.is_none()).count();
    assert_eq!(crashed, 0, "of {RUNS} runs: {codes:?}");
    assert!(codes.iter().flatten().all(|code| [0, 2].contains(code)), "{codes:?}");
    let half_made: Vec<_> =
        home.files(".cache/pagestream/optimised").into_iter().filter(|name| name.starts_with('.')).collect();
    assert_eq!(half_made, Vec::<String>::new(), "what a run began it also ended");
}

/// A PDF whose pages have this content, and a font called F.
fn short_pdf(pages: &[&str]) -> Vec<u8> {
    let mut objects = vec!["<< /Type /Catalog /Pages 2 0 R >>".to_owned()];
    let kids: Vec<String> = (0..pages.len()).map(|page| format!("{} 0 R", 4 + 2 * page)).collect();
    objects.push(format!("<< /Type /Pages /Count {} /Kids [{}] >>", pages.len(), kids.join(" ")));
    objects.push("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned());
    for (page, content) in pages.iter().enumerate() {
        let resources = "/MediaBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >>";
        objects.push(format!("<< /Type /Page /Parent 2 0 R {resources} /Contents {} 0 R >>", 5 + 2 * page));
        objects.push(format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()));
    }
    let mut file = "%PDF-1.4\n".to_owned();
    let mut offsets = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        file += &format!("{} 0 obj\n{object}\nendobj\n", number + 1);
    }
    let at = file.len();
    file += &format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    offsets.iter().for_each(|offset| file += &format!("{offset:010} 00000 n \n"));
    file += &format!("trailer << /Size {} /Root 1 0 R >>\nstartxref\n{at}\n%%EOF\n", objects.len() + 1);
    file.into_bytes()
}
