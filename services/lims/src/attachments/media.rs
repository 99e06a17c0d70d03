//! Which types of files are taken, and whether a file is of the type that it says.
//!
//! The type that is stated decides, and the file must begin as files of that type do. Where none is stated, the name's ending
//! decides; what then does not begin as it should is bytes like any other.

use spectra_mesh::{Error, Refusal};
use spectra_proto::types::Reason;

/// How much of a file's beginning is looked at, in bytes.
pub(super) const HEAD: usize = 512;

/// The type of whatever has no better one.
const BYTES: &str = "application/octet-stream";
/// What clients state who were told no type: it says nothing.
const UNTOLD: [&str; 3] = ["", BYTES, "application/x-www-form-urlencoded"];
/// How a text begins that a browser would run.
const ACTIVE: [&str; 4] = ["<!doctype html", "<html", "<script", "<svg"];

/// A type of files.
struct Type {
    name: &'static str,
    /// What the names of such files end with; the first type with an ending is the one that it stands for.
    endings: &'static [&'static str],
    begins: Begins,
}

/// How files of a type begin.
enum Begins {
    /// Somehow.
    Anyhow,
    /// As text, and not as a page that a browser would run.
    AsText,
    /// With one of these.
    With(&'static [&'static [u8]]),
}

use Begins::{Anyhow, AsText, With};

const ZIP: Begins = With(&[b"PK\x03\x04", b"PK\x05\x06"]);
const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";
const OLE: Begins = With(&[b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]);
const TIFF: Begins = With(&[b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]);

const fn kind(name: &'static str, endings: &'static [&'static str], begins: Begins) -> Type {
    Type { name, endings, begins }
}

/// The types that are taken.
const TYPES: [Type; 37] = [
    kind("text/plain", &["txt", "log", "asc"], AsText),
    kind("text/csv", &["csv"], AsText),
    kind("text/tab-separated-values", &["tsv"], AsText),
    kind("text/markdown", &["md"], AsText),
    kind("application/json", &["json"], AsText),
    kind("application/yaml", &["yaml", "yml"], AsText),
    kind("application/xml", &["xml"], AsText),
    kind("text/xml", &[], AsText),
    kind("application/pdf", &["pdf"], With(&[b"%PDF-"])),
    kind("image/png", &["png"], With(&[b"\x89PNG\r\n\x1a\n"])),
    kind("image/jpeg", &["jpg", "jpeg"], With(&[b"\xff\xd8\xff"])),
    kind("image/tiff", &["tif", "tiff"], TIFF),
    kind("image/gif", &["gif"], With(&[b"GIF87a", b"GIF89a"])),
    kind("image/bmp", &["bmp"], With(&[b"BM"])),
    kind("image/webp", &["webp"], With(&[b"RIFF"])),
    kind("application/x-hdf5", &["h5", "hdf5", "nxs"], With(&[HDF5])),
    kind("application/x-hdf", &[], With(&[HDF5])),
    kind("application/x-netcdf", &["nc"], With(&[b"CDF\x01", b"CDF\x02", b"CDF\x05", HDF5])),
    kind("application/vnd.apache.parquet", &["parquet"], With(&[b"PAR1"])),
    kind("application/x-parquet", &[], With(&[b"PAR1"])),
    kind("application/vnd.apache.arrow.file", &["arrow", "feather"], With(&[b"ARROW1"])),
    kind("application/x-npy", &["npy"], With(&[b"\x93NUMPY"])),
    kind("application/x-matlab-data", &["mat"], With(&[b"MATLAB ", HDF5])),
    kind("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", &["xlsx"], ZIP),
    kind("application/vnd.openxmlformats-officedocument.wordprocessingml.document", &["docx"], ZIP),
    kind("application/vnd.openxmlformats-officedocument.presentationml.presentation", &["pptx"], ZIP),
    kind("application/vnd.oasis.opendocument.spreadsheet", &["ods"], ZIP),
    kind("application/vnd.oasis.opendocument.text", &["odt"], ZIP),
    kind("application/vnd.ms-excel", &["xls"], OLE),
    kind("application/msword", &["doc"], OLE),
    kind("application/zip", &["zip", "npz"], ZIP),
    kind("application/x-zip-compressed", &[], ZIP),
    kind("application/gzip", &["gz", "tgz"], With(&[b"\x1f\x8b"])),
    kind("application/x-gzip", &[], With(&[b"\x1f\x8b"])),
    kind("application/zstd", &["zst"], With(&[b"\x28\xb5\x2f\xfd"])),
    kind("application/x-7z-compressed", &["7z"], With(&[b"7z\xbc\xaf\x27\x1c"])),
    kind(BYTES, &["bin", "dat", "raw"], Anyhow),
];

/// The type that a file is kept as, by what is stated of it, its name and its beginning.
pub(super) fn kept_as(stated: &str, filename: &str, head: &[u8]) -> Result<String, Error> {
    let essence = stated.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if UNTOLD.contains(&essence.as_str()) {
        let named = filename.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        let named = named.and_then(|ending| TYPES.iter().find(|kind| kind.endings.contains(&ending.as_str())));
        return Ok(named.filter(|kind| kind.begins.fit(head)).map_or(BYTES, |kind| kind.name).to_owned());
    }
    let refused = |told: String| Err(Refusal::new(Reason::MediaType, told).about("content_type", &essence).into());
    let Some(kind) = TYPES.iter().find(|kind| kind.name == essence) else {
        return refused(format!("files of the type {essence} are not taken; an archive of them is"));
    };
    if !kind.begins.fit(head) {
        return refused(format!("the file does not begin as one of the type {essence} does"));
    }
    Ok(charset(stated).map_or_else(|| kind.name.to_owned(), |charset| format!("{}; charset={charset}", kind.name)))
}

/// What a text is written in, where that is stated in a word.
fn charset(stated: &str) -> Option<String> {
    let (_, charset) = stated
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    let charset = charset.trim().trim_matches('"').to_ascii_lowercase();
    let is_word =
        (1..=40).contains(&charset.len()) && charset.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_.:".contains(&letter));
    is_word.then_some(charset)
}

impl Begins {
    fn fit(&self, head: &[u8]) -> bool {
        match self {
            Anyhow => true,
            AsText => is_text(head),
            With(signatures) => signatures.iter().any(|signature| head.starts_with(signature)),
        }
    }
}

/// Whether a file begins as text does: in UTF-16 with its mark, else without a NUL; and not as a page that a browser would run.
fn is_text(head: &[u8]) -> bool {
    let letters: Vec<u8> = match head {
        [0xff, 0xfe, rest @ ..] | [0xfe, 0xff, rest @ ..] => rest.iter().copied().filter(|byte| *byte != 0).collect(),
        [0xef, 0xbb, 0xbf, rest @ ..] => rest.to_vec(),
        _ => head.to_vec(),
    };
    let start = String::from_utf8_lossy(letters.trim_ascii_start()).to_ascii_lowercase();
    let runs = start.starts_with('<') && ACTIVE.iter().any(|active| start.contains(active));
    !runs && !letters.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stated_decides_and_must_be_so() {
        const PNG: &[u8] = b"\x89PNG\r\n\x1a\n....";
        for (stated, filename, head, kept) in [
            ("image/png", "a.png", PNG, "image/png"),
            ("IMAGE/PNG; x=y", "a", PNG, "image/png"),
            ("", "a.PNG", PNG, "image/png"),
            ("application/octet-stream", "a.png", PNG, "image/png"),
            ("", "a.png", b"<html>", "application/octet-stream"),
            ("", "a.exe", b"MZ\x90\0", "application/octet-stream"),
            ("application/x-www-form-urlencoded", "iv.csv", b"v,i\n0,1\n", "text/csv"),
            ("text/csv; charset=ISO-8859-1", "iv.csv", b"v,\xb5A\n", "text/csv; charset=iso-8859-1"),
            ("text/csv; charset=\"a b\"", "iv.csv", b"v", "text/csv"),
            ("text/plain", "log", b"\xff\xfea\0b\0", "text/plain"),
            ("application/xml", "a.xml", b"<?xml version=\"1.0\"?><scan/>", "application/xml"),
            ("application/x-hdf5", "a.h5", HDF5, "application/x-hdf5"),
        ] {
            assert_eq!(kept_as(stated, filename, head).expect(stated), kept, "{stated} {filename}");
        }
        for (stated, head) in [
            ("text/html", &b"<html>"[..]),
            ("image/svg+xml", b"<svg>"),
            ("application/x-msdownload", b"MZ"),
            ("nonsense", b"x"),
            ("image/png", b"<html>"),
            ("image/png", b"MZ\x90\0"),
            ("image/png", b"\x89PN"),
            ("application/pdf", b"\x89PNG"),
            ("text/csv", b"\x7fELF\x02\x01\x01\0\0"),
            ("text/plain", b" \n<!DOCTYPE html>"),
            ("application/xml", b"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<svg onload='x'/>"),
            ("text/plain", b"\xff\xfe<\0h\0t\0m\0l\0>\0"),
        ] {
            let Err(Error::Refused(refusal)) = kept_as(stated, "a.png", head) else { panic!("{stated} is taken") };
            assert_eq!(refusal.reason(), Reason::MediaType, "{stated}");
        }
    }

    #[test]
    fn an_ending_stands_for_one_type() {
        let mut endings: Vec<_> = TYPES.iter().flat_map(|kind| kind.endings).collect();
        let all = endings.len();
        endings.sort_unstable();
        endings.dedup();
        assert_eq!(endings.len(), all);
    }
}
