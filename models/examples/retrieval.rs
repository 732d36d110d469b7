//! How well pages are found by meaning, by the first passage of each, the mean of all, or the best: R@1 and R@10.
//!
//! `retrieval <model.onnx> <pages.json> [onnx|portable]`, the pages being a list of `[document, page, text]`. Two questions a page: a line
//! out of its middle, which is then taken out of the page (a query in other words than the page has), and its first line (a title).
//! Figures: BENCHMARKS.md.

use std::{error::Error, fs, time::Duration};

use pagestream_models::{
    Backend, ModelSource, Session, Tensor,
    backend::{
        onnx::{OnnxBackend, OnnxOptions, OnnxRuntime},
        portable::PortableBackend,
    },
    embedding::Tokenizer,
    registry::{Fetching, Registry, RegistryOptions},
};

/// Runs of each length that are timed.
const RUNS: u32 = 20;

type Failure = Box<dyn Error>;

struct Question {
    text: String,
    /// What is left of the page.
    page: String,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, pages, rest @ ..] = arguments.as_slice() else {
        return Err("name the model, the file of pages, and `onnx` or `portable`".into());
    };
    let model = ModelSource::of_file(model)?;
    let tokenizer = Tokenizer::of_model(&model)?;
    let mut session: Box<dyn Session> = if rest.first().is_some_and(|name| name == "portable") {
        PortableBackend.load(&model)?
    } else {
        let registry = Registry::open(RegistryOptions::default())?;
        let runtime = OnnxRuntime::load(&registry.runtime(&Fetching::allowed())?)?;
        OnnxBackend::new(runtime, OnnxOptions::default()).load(&model)?
    };
    time(&mut *session)?;
    let pages: Vec<(String, u32, String)> = serde_json::from_slice(&fs::read(pages)?)?;
    for (kind, pick) in
        [("a line of the middle", usize::midpoint as fn(usize, usize) -> usize), ("the first line", |_, _| 0)]
    {
        let questions: Vec<Question> = pages.iter().filter_map(|(_, _, text)| question(text, pick)).collect();
        println!("{kind}: {} pages", questions.len());
        measure(&mut *session, &tokenizer, &questions)?;
    }
    Ok(())
}

/// A line of some length, and the page without it.
fn question(text: &str, pick: fn(usize, usize) -> usize) -> Option<Question> {
    let lines: Vec<&str> = text.lines().collect();
    let long = |line: &str| (45..160).contains(&line.trim().chars().count());
    let candidates: Vec<usize> = (0..lines.len()).filter(|&index| long(lines[index])).collect();
    let index = *candidates.get(pick(0, candidates.len()))?;
    let page: Vec<&str> =
        lines.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, line)| *line).collect();
    (candidates.len() >= 4).then(|| Question { text: lines[index].to_owned(), page: page.join("\n") })
}

fn embed(session: &mut dyn Session, input: &Tensor) -> Result<Vec<f32>, Failure> {
    let mut vector = Vec::new();
    session.run(input.view(), &mut |output| vector = output.data.to_vec())?;
    Ok(vector)
}

/// Time that this thread, which is the only one that computes, was on a processor: other work on the machine does not count. Linux only.
fn cpu() -> Result<Duration, Failure> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().ok_or("the system does not tell CPU time")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

fn time(session: &mut dyn Session) -> Result<(), Failure> {
    for length in [16, 32, 64, 128, 256] {
        let input = Tensor { shape: vec![1, length], data: (0..length).map(|id| 2000.0 + id as f32).collect() };
        embed(session, &input)?;
        let started = cpu()?;
        // The system counts in steps of a few milliseconds.
        for _ in 0..RUNS {
            embed(session, &input)?;
        }
        println!("{length} pieces: {:.1} ms of CPU", (cpu()? - started).as_secs_f64() * 1e3 / f64::from(RUNS));
    }
    Ok(())
}

fn measure(session: &mut dyn Session, tokenizer: &Tokenizer, questions: &[Question]) -> Result<(), Failure> {
    let started = cpu()?;
    let mut pages = Vec::new();
    for question in questions {
        let passages = tokenizer.passages(&question.page);
        pages.push(passages.iter().map(|passage| embed(session, &passage.input)).collect::<Result<Vec<_>, _>>()?);
    }
    let passages: usize = pages.iter().map(Vec::len).sum();
    println!(
        "  {:.2} passages and {:.1} ms of CPU a page",
        passages as f64 / pages.len().max(1) as f64,
        (cpu()? - started).as_secs_f64() * 1e3 / pages.len().max(1) as f64
    );
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let mean = |page: &[Vec<f32>]| {
        let sum: Vec<f32> = (0..page[0].len()).map(|at| page.iter().map(|vector| vector[at]).sum()).collect();
        let length = dot(&sum, &sum).sqrt();
        sum.into_iter().map(|value| value / length).collect::<Vec<f32>>()
    };
    let means: Vec<Vec<f32>> = pages.iter().map(|page| mean(page)).collect();
    type Score<'a> = Box<dyn Fn(&[f32], usize) -> f32 + 'a>;
    let ways: [(&str, Score<'_>); 3] = [
        ("first passage", Box::new(|query, page| dot(query, &pages[page][0]))),
        ("mean of passages", Box::new(|query, page| dot(query, &means[page]))),
        ("best passage", Box::new(|query, page| pages[page].iter().map(|v| dot(query, v)).fold(f32::MIN, f32::max))),
    ];
    let queries = questions.iter().map(|question| {
        let input = tokenizer.query(&question.text).ok_or("a question without words")?;
        embed(session, &input)
    });
    let queries: Vec<Vec<f32>> = queries.collect::<Result<_, _>>()?;
    for (way, score) in ways {
        let better = queries.iter().enumerate().map(|(own, query)| {
            let right = score(query, own);
            (0..pages.len()).filter(|&page| score(query, page) > right).count()
        });
        let ranks: Vec<usize> = better.collect();
        let within = |k: usize| ranks.iter().filter(|&&rank| rank < k).count() as f64 / ranks.len().max(1) as f64;
        println!("  {way:17} R@1 {:.3}  R@10 {:.3}", within(1), within(10));
    }
    Ok(())
}
