//! Whether anything may be fetched, who is told, and how it is ended.
//!
//! A [`Fetching`] is handed down to whoever may need a file. One that was not handed a permission fetches nothing: there is no
//! setting that could be forgotten.

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use pagestream_documents::ByteSize;

use super::Progress;

/// What the user has settled: setting `models.fetch`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FetchPolicy {
    /// The program decides, which on a terminal means to ask.
    #[default]
    Ask,
    /// Without a question, where the program fetches at all.
    Always,
    /// Nothing, whatever the program says.
    Never,
}

impl FromStr for FetchPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ask" => Ok(Self::Ask),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err(format!("`{text}` is none of ask, always, never")),
        }
    }
}

/// What is about to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchRequest {
    /// Each Python wheel, as `rapidocr==3.10.0`, with its size.
    pub wheels: Vec<(String, ByteSize)>,
}

impl FetchRequest {
    /// Of all of it together.
    pub fn size(&self) -> ByteSize {
        ByteSize(self.wheels.iter().map(|(_, size)| size.bytes()).sum())
    }
}

/// `rapidocr==3.10.0 and onnxruntime==1.31.1 (36 MiB)`.
impl fmt::Display for FetchRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.wheels.iter().map(|(name, _)| name.as_str()).collect();
        write!(f, "{} ({})", names.join(" and "), self.size())
    }
}

type Question = dyn Fn(&FetchRequest) -> Result<(), String> + Send + Sync;
type Sink = dyn Fn(Progress<'_>) + Send + Sync;

#[derive(Clone)]
enum Permission {
    Never(Arc<str>),
    Allowed,
    Asked(Arc<Question>),
}

/// A permission to fetch, or none. Clones share the answer that was given and whether it was stopped.
#[derive(Clone)]
pub struct Fetching {
    permission: Permission,
    progress: Arc<Sink>,
    stopped: Arc<AtomicBool>,
    /// What was answered to the first question; it is not asked again.
    answer: Arc<Mutex<Option<Result<(), String>>>>,
}

impl Fetching {
    fn with(permission: Permission) -> Self {
        let log = |progress: Progress<'_>| match progress {
            Progress::Advanced { .. } => {}
            progress => tracing::info!(?progress, "fetching"),
        };
        Self { permission, progress: Arc::new(log), stopped: Arc::default(), answer: Arc::default() }
    }

    /// Nothing is fetched.
    pub fn never() -> Self {
        Self::never_because("nothing is fetched unless the program allows it")
    }

    /// Nothing is fetched, and errors say why.
    pub fn never_because(why: &str) -> Self {
        Self::with(Permission::Never(why.into()))
    }

    /// What is needed is fetched.
    pub fn allowed() -> Self {
        Self::with(Permission::Allowed)
    }

    /// `question` is put once, before the first byte, on the worker thread that needs the files: `Err` says why nothing is fetched.
    pub fn asking(question: impl Fn(&FetchRequest) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self::with(Permission::Asked(Arc::new(question)))
    }

    /// Tells `progress` what is fetched, instead of the log. It is called from worker threads.
    pub fn with_progress(self, progress: impl Fn(Progress<'_>) + Send + Sync + 'static) -> Self {
        Self { progress: Arc::new(progress), ..self }
    }

    /// As the user has settled: `never` takes a permission away, `always` spares the question. Neither gives one.
    pub fn under(self, policy: FetchPolicy) -> Self {
        let permission = match (policy, self.permission) {
            (FetchPolicy::Never, _) => Permission::Never("nothing is fetched: `models.fetch` is `never`".into()),
            (FetchPolicy::Always, Permission::Asked(_)) => Permission::Allowed,
            (_, permission) => permission,
        };
        Self { permission, ..self }
    }

    /// Ends what is being fetched (pip is killed) and lets nothing more begin, for all clones and for good.
    pub fn stop(&self) {
        self.stopped.store(true, Relaxed);
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    pub(super) fn is_never(&self) -> bool {
        matches!(self.permission, Permission::Never(_))
    }

    /// Whether this may be fetched; the first question waits for its answer.
    pub(super) fn permit(&self, request: &FetchRequest) -> Result<(), String> {
        self.go_on()?;
        match &self.permission {
            Permission::Never(why) => Err(why.to_string()),
            Permission::Allowed => Ok(()),
            Permission::Asked(question) => {
                let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
                answer.get_or_insert_with(|| question(request)).clone()?;
                // It may have been stopped while the question stood.
                self.go_on()
            }
        }
    }

    /// # Errors
    /// That it was stopped, in words.
    pub(super) fn go_on(&self) -> Result<(), String> {
        if self.is_stopped() { Err("nothing more is fetched: the run is being stopped".to_owned()) } else { Ok(()) }
    }

    pub(super) fn tell(&self, progress: Progress<'_>) {
        (self.progress)(progress);
    }
}

impl fmt::Debug for Fetching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let permission = match &self.permission {
            Permission::Never(why) => why,
            Permission::Allowed => "allowed",
            Permission::Asked(_) => "asked",
        };
        f.debug_struct("Fetching").field("permission", &permission).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn request() -> FetchRequest {
        FetchRequest { wheels: vec![("a==1".into(), ByteSize::mib(1)), ("b==2".into(), ByteSize::mib(2))] }
    }

    #[test]
    fn a_question_names_what_and_how_much_and_is_put_once() {
        let asked = Arc::new(AtomicUsize::new(0));
        for answer in [Ok(()), Err("no".to_owned())] {
            let (count, given) = (asked.clone(), answer.clone());
            let fetching = Fetching::asking(move |request| {
                assert_eq!(request.to_string(), "a==1 and b==2 (3 MiB)");
                count.fetch_add(1, Relaxed);
                given.clone()
            });
            assert_eq!(fetching.permit(&request()), answer);
            assert_eq!(fetching.clone().permit(&request()), answer, "a clone asks no second time");
            assert_eq!(asked.swap(0, Relaxed), 1);
        }
    }

    #[test]
    fn the_user_may_take_a_permission_away_and_none_comes_of_a_setting() {
        let asking = || Fetching::asking(|_| Err("asked".to_owned()));
        let check = |fetching: Fetching, policy: FetchPolicy, expected: Result<(), &str>| {
            let permitted = fetching.under(policy).permit(&request());
            match (permitted, expected) {
                (Ok(()), Ok(())) => {}
                (Err(why), Err(expected)) => assert!(why.contains(expected), "{why}"),
                other => panic!("{policy:?}: {other:?}"),
            }
        };
        check(Fetching::never(), FetchPolicy::Always, Err("unless the program allows it"));
        check(Fetching::never(), FetchPolicy::Ask, Err("unless the program allows it"));
        check(Fetching::allowed(), FetchPolicy::Ask, Ok(()));
        check(Fetching::allowed(), FetchPolicy::Never, Err("`models.fetch` is `never`"));
        check(asking(), FetchPolicy::Ask, Err("asked"));
        check(asking(), FetchPolicy::Always, Ok(()));
        check(asking(), FetchPolicy::Never, Err("`models.fetch` is `never`"));
    }

    #[test]
    fn nothing_is_permitted_once_it_was_stopped() {
        let fetching = Fetching::allowed();
        let clone = fetching.clone();
        let asking = Fetching::asking(move |_| Ok(()));
        fetching.stop();
        assert!(clone.permit(&request()).unwrap_err().contains("being stopped"));
        // While the question stood, too.
        let stopped = asking.clone();
        let during = Fetching {
            stopped: asking.stopped.clone(),
            ..Fetching::asking(move |_| {
                stopped.stop();
                Ok(())
            })
        };
        assert!(during.permit(&request()).unwrap_err().contains("being stopped"));
    }
}
