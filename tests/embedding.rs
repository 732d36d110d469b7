//! What a program that embeds pagestream may rely on: nothing is fetched unless it says so, nothing is compiled that it did not ask
//! for, and no public name goes or comes unseen.

use std::{collections::BTreeSet, process::Command};

use futures::StreamExt;
use pagestream::{Fetching, PageRecord, PageStatus, Quality, Settings, Source, SubmitOptions, engine::FetchPolicy};

const SAMPLE: &[u8] = include_bytes!("../examples/data/sample.pdf");

/// Page 3 of the sample, a scan.
async fn scan(settings: Settings, fetching: Option<Fetching>) -> PageRecord {
    let pipeline = match fetching {
        None => pagestream::start(settings).await.unwrap(),
        Some(fetching) => pagestream::start_with(settings, fetching).await.unwrap(),
    };
    let options = SubmitOptions { pages: "3".parse().unwrap(), ..SubmitOptions::default() };
    let source = Source::Bytes { name: "sample".to_owned(), bytes: SAMPLE.into() };
    let document = pipeline.submit(source, options).await.unwrap();
    let page = document.pages().next().await.unwrap().unwrap();
    pipeline.stop().await;
    page
}

#[tokio::test]
async fn the_library_fetches_nothing_unless_the_program_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let models = dir.path().join("models");
    let mut settings = Settings::defaults();
    settings.models.dir = Some(models.clone());
    settings.ocr.quality = Quality::Accurate;
    // A user's file may say so; it is the program that must.
    settings.models.fetch = FetchPolicy::Always;
    let page = scan(settings.clone(), None).await;
    assert_eq!(page.status, PageStatus::Failed);
    let reason = page.reason.unwrap();
    assert!(reason.contains("nothing is fetched unless the program allows it"), "{reason}");
    // What the program allows, the user may still forbid.
    settings.models.fetch = FetchPolicy::Never;
    let reason = scan(settings.clone(), Some(Fetching::allowed())).await.reason.unwrap();
    assert!(reason.contains("`models.fetch` is `never`"), "{reason}");
    // Asked, it decides by what would come.
    settings.models.fetch = FetchPolicy::Ask;
    let fetching = Fetching::asking(|request| {
        assert!(request.size().bytes() > 1_000_000 && !request.wheels.is_empty(), "{request}");
        Err("the program would rather not".to_owned())
    });
    let reason = scan(settings, Some(fetching)).await.reason.unwrap();
    assert!(reason.contains("the program would rather not"), "{reason}");
    assert!(!models.exists());
}

#[cfg(feature = "built-in-models")]
#[tokio::test]
async fn the_built_in_networks_read_where_nothing_is_installed_and_nothing_may_be_fetched() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = Settings::defaults();
    settings.models.dir = Some(dir.path().join("models"));
    "off".clone_into(&mut settings.models.cache);
    let page = scan(settings, None).await;
    assert_eq!((page.status, page.needs_review), (PageStatus::Ok, false), "{:?}", page.reason);
    assert!(page.text.len() > 500, "{}", page.text);
}

/// What `cargo tree` prints of this package, a crate a line.
fn tree(arguments: &[&str]) -> String {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--offline", "--locked", "--package", "pagestream", "--prefix", "none"]).args(arguments);
    let tree = tree.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    String::from_utf8(tree.stdout).unwrap()
}

/// The crates that a program gets with these features, by name.
fn crates(features: &str) -> BTreeSet<String> {
    let lines = tree(&["--edges", "normal", "--no-default-features", "--features", features]);
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_first_command_builds_no_more_than_250_crates() {
    let lines = tree(&["--edges", "normal,build"]);
    // A crate's name and version; what is behind them is where it comes from, and whether it was listed before.
    let built: BTreeSet<_> = lines.lines().map(|line| line.splitn(3, ' ').take(2).collect::<Vec<_>>()).collect();
    assert!((100..=250).contains(&built.len()), "{}", built.len());
}

#[test]
fn without_a_feature_its_crates_are_not_compiled() {
    // What each feature brings, and nothing else brings.
    let brought: [(&str, &[&str]); 8] = [
        ("cli", &["clap", "indicatif", "glob", "tracing-subscriber", "signal-hook-registry"]),
        ("watch", &["notify"]),
        ("server", &["actix-web", "actix-multipart", "utoipa"]),
        ("url", &["hyper", "rustls", "ring", "tokio-rustls", "rustls-native-certs"]),
        ("onnx", &["ort", "ort-sys"]),
        ("openvino", &["openvino", "openvino-sys"]),
        ("cuda", &["cudarc"]),
        ("similarity", &["ruvector-core"]),
    ];
    let (none, embedded) = (crates(""), crates("built-in-models"));
    assert_eq!(none, embedded, "the networks are data");
    for (feature, names) in brought {
        let with = crates(feature);
        for name in names {
            assert!(!embedded.contains(*name), "{name} comes without `{feature}`");
            assert!(with.contains(*name), "{name} does not come with `{feature}`");
        }
    }
}

/// The public items at the root of the crate, one a line: names that are re-exported, modules, functions as they are declared.
fn public_items(source: &str) -> Vec<String> {
    let mut items = BTreeSet::new();
    let code: String = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join(" ");
    for item in code.split("pub ").skip(1) {
        let item = item.trim_start();
        if let Some(used) = item.strip_prefix("use ") {
            let used = used.split(';').next().unwrap();
            let (path, names) = used.split_once('{').unwrap_or_else(|| used.rsplit_once("::").unwrap());
            let names = names.trim_end_matches('}').split(',').map(str::trim).filter(|name| !name.is_empty());
            let path = path.trim_end_matches("::");
            items.extend(names.map(|name| format!("use {path}::{name}")));
        } else {
            let declared = item.split(['{', ';']).next().unwrap().trim();
            items.insert(declared.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    items.into_iter().collect()
}

#[test]
fn no_public_name_goes_or_comes_unseen() {
    let kept = include_str!("public_api.txt");
    let kept: Vec<&str> = kept.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let now = public_items(include_str!("../src/lib.rs"));
    assert!(now.len() > 40, "{now:#?}");
    assert_eq!(
        now,
        kept,
        "the surface has changed: if that is meant, change tests/public_api.txt and say it in CHANGELOG.md. It is now:\n{}",
        now.join("\n")
    );
}
