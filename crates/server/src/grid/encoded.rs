//! A JSON answer that is made once and sent often: with an entity tag, compressed once per encoding.

use crate::error::ApiError;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, header};
use std::{
    hash::{DefaultHasher, Hasher as _},
    io::Write as _,
    sync::{Arc, OnceLock},
};

/// How an answer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

impl Encoding {
    /// The best that the caller takes.
    pub(crate) fn accepted(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT_ENCODING);
        let takes = |name: &str| {
            lines.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).any(|entry| {
                let (coding, weight) = entry.split_once(';').unwrap_or((entry, ""));
                let refused =
                    weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse() == Ok(0.0_f32));
                coding.trim().eq_ignore_ascii_case(name) && !refused
            })
        };
        if takes("zstd") {
            Self::Zstd
        } else if takes("gzip") {
            Self::Gzip
        } else {
            Self::Identity
        }
    }

    /// The value of `Content-Encoding`.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// The answer.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// Weak: all encodings share it.
    pub(crate) etag: String,
    plain: Bytes,
    gzip: OnceLock<Bytes>,
    zstd: OnceLock<Bytes>,
}

impl Encoded {
    /// Takes the answer; the tag is made from the part that starts at `content_from`.
    pub(super) fn new(json: Vec<u8>, content_from: usize) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(json.get(content_from..).unwrap_or(&json));
        let etag = format!("W/\"{:016x}\"", hasher.finish());
        Self { etag, plain: json.into(), gzip: OnceLock::new(), zstd: OnceLock::new() }
    }

    /// The body in an encoding. The first call compresses, on a thread of its own.
    pub(crate) async fn body(self: &Arc<Self>, encoding: Encoding) -> Result<Bytes, ApiError> {
        let kept = match encoding {
            Encoding::Identity => return Ok(self.plain.clone()),
            Encoding::Gzip => &self.gzip,
            Encoding::Zstd => &self.zstd,
        };
        if let Some(body) = kept.get() {
            return Ok(body.clone());
        }
        let this = Arc::clone(self);
        Ok(tokio::task::spawn_blocking(move || this.compressed(encoding).clone()).await?)
    }

    fn compressed(&self, encoding: Encoding) -> &Bytes {
        match encoding {
            Encoding::Identity => &self.plain,
            Encoding::Gzip => self.gzip.get_or_init(|| {
                let mut out = GzEncoder::new(Vec::with_capacity(self.plain.len() / 4), Compression::new(5));
                let written = out.write_all(&self.plain).and_then(|()| out.finish());
                written.expect("writing to memory does not fail").into()
            }),
            Encoding::Zstd => self.zstd.get_or_init(|| {
                zstd::bulk::compress(&self.plain, 3).expect("compressing in memory does not fail").into()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(value: &str) -> Encoding {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
        Encoding::accepted(&headers)
    }

    #[test]
    fn takes_the_best_accepted_encoding() {
        assert_eq!(accepted("gzip, deflate, br, zstd"), Encoding::Zstd);
        assert_eq!(accepted("gzip, zstd;q=0"), Encoding::Gzip);
        assert_eq!(accepted("br"), Encoding::Identity);
        assert_eq!(Encoding::accepted(&HeaderMap::new()), Encoding::Identity);
    }

    #[tokio::test]
    async fn every_encoding_holds_the_same_text() {
        let json = format!("{{\"as_of\":1,\"x\":\"{}\"}}", "ab".repeat(10_000)).into_bytes();
        let encoded = Arc::new(Encoded::new(json.clone(), 11));
        let zstd = encoded.body(Encoding::Zstd).await.unwrap();
        assert_eq!(zstd::bulk::decompress(&zstd, json.len()).unwrap(), json);
        let gzip = encoded.body(Encoding::Gzip).await.unwrap();
        let mut plain = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*gzip), &mut plain).unwrap();
        assert_eq!(plain, json);
        assert!(zstd.len() < 200 && gzip.len() < 200);
        let mut later = json.clone();
        later[9] = b'2';
        assert_eq!(Encoded::new(later, 11).etag, encoded.etag, "time alone does not change the tag");
    }
}
