//! An address as somebody wrote it: taken apart, and what nobody else may see kept aside.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pagestream_documents::harmless;
use percent_encoding::percent_decode_str;
use url::Url;

use super::error::{DownloadError, Failure};

#[derive(Clone)]
pub struct Target {
    /// Without user name, password and fragment.
    pub url: Url,
    /// The value of `Authorization`, for the address's own origin alone.
    authorization: Option<String>,
}

impl Target {
    /// # Errors
    /// [`Failure::NoAddress`] and [`Failure::Scheme`].
    pub fn parse(text: &str) -> Result<Self, DownloadError> {
        let failed = |failure: Failure| failure.of(without_credentials(text));
        let mut url = Url::parse(text.trim()).map_err(|error| failed(Failure::NoAddress(error.to_string())))?;
        check_scheme(&url).map_err(failed)?;
        let decoded = |part: &str| percent_decode_str(part).collect::<Vec<u8>>();
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        let authorization = has_credentials.then(|| {
            let pair = [&decoded(url.username()), &b":"[..], &decoded(url.password().unwrap_or_default())].concat();
            format!("Basic {}", STANDARD.encode(pair))
        });
        // Neither fails where there is a host, which http has.
        let _ = (url.set_username(""), url.set_password(None));
        url.set_fragment(None);
        Ok(Self { url, authorization })
    }

    /// For messages and for the store.
    pub fn shown(&self) -> &str {
        self.url.as_str()
    }

    pub fn authorization(&self, at: &Url) -> Option<&str> {
        self.authorization.as_deref().filter(|_| at.origin() == self.url.origin())
    }
}

/// # Errors
/// [`Failure::Scheme`].
fn check_scheme(url: &Url) -> Result<(), Failure> {
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(()),
        other => Err(Failure::Scheme(other.to_owned())),
    }
}

/// Where an answer leads to: seen from the address that gave it.
///
/// # Errors
/// [`Failure::NoLocation`], [`Failure::Scheme`] and [`Failure::Downgrade`].
pub fn next(from: &Url, location: Option<&str>) -> Result<Url, Failure> {
    let mut to = from.join(location.ok_or(Failure::NoLocation)?).map_err(|_| Failure::NoLocation)?;
    check_scheme(&to)?;
    if from.scheme() == "https" && to.scheme() == "http" {
        return Err(Failure::Downgrade);
    }
    // What another server writes there is nobody's credentials.
    let _ = (to.set_username(""), to.set_password(None));
    to.set_fragment(None);
    Ok(to)
}

/// A text that may be an address, as messages show it.
pub fn without_credentials(text: &str) -> String {
    let text = text.trim();
    let Some((scheme, rest)) = text.split_once("://") else { return harmless(text).into_owned() };
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let begin = rest[..host].rfind('@').map_or(0, |at| at + 1);
    harmless(&format!("{scheme}://{}", &rest[begin..])).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_to_their_origin_alone_and_are_seen_by_nobody() {
        let target = Target::parse(" https://ann:p%40ss@a.example/x/y.pdf?z=1#page=2 ").unwrap();
        assert_eq!(target.shown(), "https://a.example/x/y.pdf?z=1");
        let at = |url: &str| target.authorization(&Url::parse(url).unwrap()).map(str::to_owned);
        let basic = Some(format!("Basic {}", STANDARD.encode("ann:p@ss")));
        assert_eq!(at("https://a.example/other"), basic);
        assert_eq!(at("https://a.example:443/other"), basic);
        for other in ["https://b.example/", "http://a.example/", "https://a.example:8443/"] {
            assert_eq!(at(other), None, "{other}");
        }
        assert_eq!(Target::parse("http://a.example").unwrap().authorization(&target.url), None);
    }

    #[test]
    fn what_is_no_address_is_told_without_its_password() {
        for (text, shown) in [
            ("ftp://ann:secret@a.example/x", "ftp://a.example/x"),
            ("https://ann:sec@ret@[::1/x", "https://[::1/x"),
            ("file:///etc/passwd", "file:///etc/passwd"),
            ("data:text/plain,x", "data:text/plain,x"),
            ("http://", "http://"),
            ("a.pdf\n", "a.pdf"),
        ] {
            let error = Target::parse(text).err().unwrap_or_else(|| panic!("{text}"));
            assert_eq!(error.url, shown);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn numbers_that_stand_for_an_address_are_the_address() {
        for text in
            ["http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://0177.0.0.1/", "http://１２７.0.0.1/"]
        {
            let target = Target::parse(text).unwrap();
            assert_eq!(target.url.host(), Some(url::Host::Ipv4(std::net::Ipv4Addr::LOCALHOST)), "{text}");
        }
    }

    #[test]
    fn a_redirect_leads_to_http_and_https_and_never_from_the_one_to_the_other() {
        let from = Url::parse("https://a.example/x/y").unwrap();
        let to = |location| next(&from, Some(location)).map(|url| url.to_string());
        assert_eq!(to("z?q#f").unwrap(), "https://a.example/x/z?q");
        assert_eq!(to("//b.example/").unwrap(), "https://b.example/");
        assert_eq!(to("https://ann:secret@b.example/").unwrap(), "https://b.example/");
        assert!(matches!(to("http://a.example/"), Err(Failure::Downgrade)));
        assert!(matches!(to("file:///etc/passwd"), Err(Failure::Scheme(_))));
        assert!(matches!(to("gopher://a.example/"), Err(Failure::Scheme(_))));
        assert!(matches!(to("https://[::1"), Err(Failure::NoLocation)));
        assert!(matches!(next(&from, None), Err(Failure::NoLocation)));
    }
}
