//! Which files are read, in one list.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    Pdf,
    Tiff,
    Png,
    Jpeg,
    Jpeg2000,
    WebP,
    Gif,
    Bmp,
    /// PBM, PGM, PPM and PAM.
    Pnm,
    /// Only with the feature `heic`.
    Heic,
}

/// Endings of names that say of a file that it is a picture or a document of pages, and that nobody here reads.
const UNREAD_ENDINGS: [&str; 5] = ["avif", "jxl", "djvu", "djv", "jpm"];
const HEIC_ENDINGS: [&str; 3] = ["heic", "heif", "hif"];

impl FileKind {
    /// All that are read, as the program was built.
    pub fn read() -> impl Iterator<Item = Self> {
        use FileKind::{Bmp, Gif, Heic, Jpeg, Jpeg2000, Pdf, Png, Pnm, Tiff, WebP};
        let all = [Pdf, Tiff, Png, Jpeg, Jpeg2000, WebP, Gif, Bmp, Pnm, Heic];
        all.into_iter().filter(|kind| *kind != Heic || cfg!(feature = "heic"))
    }

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pdf => "PDF",
            Self::Tiff => "TIFF",
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Jpeg2000 => "JPEG 2000",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Pnm => "PBM/PGM/PPM",
            Self::Heic => "HEIC",
        }
    }

    /// What their names end in, in small letters.
    pub fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Pdf => &["pdf"],
            Self::Tiff => &["tif", "tiff"],
            Self::Png => &["png"],
            Self::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
            Self::Jpeg2000 => &["jp2", "j2k", "j2c", "jpc", "jpf", "jpx"],
            Self::WebP => &["webp"],
            Self::Gif => &["gif"],
            Self::Bmp => &["bmp", "dib"],
            Self::Pnm => &["pbm", "pgm", "ppm", "pnm", "pam"],
            Self::Heic => &HEIC_ENDINGS,
        }
    }

    /// "PDF, TIFF … and HEIC are read".
    pub fn told() -> String {
        let names: Vec<&str> = Self::read().map(Self::name).collect();
        let (last, others) = names.split_last().unwrap_or((&"nothing", &[]));
        format!("{} and {last} are read", others.join(", "))
    }

    /// Whether a name that ends so, in small letters, says that it is a document or a picture of a page, read or not: if such a file cannot
    /// be read, that is a failure and has to be told.
    pub fn is_claimed_by(ending: &str) -> bool {
        Self::read().any(|kind| kind.endings().contains(&ending))
            || UNREAD_ENDINGS.contains(&ending)
            || HEIC_ENDINGS.contains(&ending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_told_from_one_list() {
        let told = FileKind::told();
        assert!(
            told.starts_with("PDF, TIFF, PNG, JPEG, JPEG 2000, WebP, GIF, BMP") && told.ends_with(" are read"),
            "{told}"
        );
        assert_eq!(told.contains("HEIC"), cfg!(feature = "heic"));
        assert!(["pdf", "jp2", "ppm", "heic", "djvu"].iter().all(|ending| FileKind::is_claimed_by(ending)));
        assert!(!FileKind::is_claimed_by("txt") && !FileKind::is_claimed_by(""));
        for kind in FileKind::read() {
            assert!(
                kind.endings().iter().all(|ending| *ending == ending.to_ascii_lowercase())
                    && !kind.endings().is_empty()
            );
        }
    }
}
