//! What came back.

use super::Error;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};

/// A good answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) body: Bytes,
    pub(super) link: Option<String>,
    /// GitHub's clock, when it told.
    pub(super) server_time: Option<Timestamp>,
}

impl Answer {
    pub(super) fn json<T: DeserializeOwned>(&self, call: &str) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::invalid(call, format_args!("read GitHub's answer: {}", place(&error))))
    }
}

/// What is wrong with the JSON, without repeating values of the answer, which may be secret.
fn place(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "a field is missing or of another type",
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not JSON",
    };
    format!("{kind} at line {} column {}", error.line(), error.column())
}

/// GitHub's words in an error body: the message and its details, one bounded line.
pub(super) fn message(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(default)]
        message: String,
        #[serde(default)]
        errors: serde_json::Value,
    }
    let Ok(refusal) = serde_json::from_slice::<Refusal>(body) else { return "no reason given".into() };
    let details = match &refusal.errors {
        serde_json::Value::Array(details) => details
            .iter()
            .take(5)
            .map(|detail| match detail.as_str().or_else(|| detail["message"].as_str()) {
                Some(text) => text.to_owned(),
                None => ["resource", "field", "code"].map(|k| detail[k].as_str().unwrap_or("")).join(" "),
            })
            .collect::<Vec<_>>()
            .join("; "),
        serde_json::Value::String(text) => text.clone(),
        _ => String::new(),
    };
    let both = if details.is_empty() { refusal.message } else { format!("{}: {details}", refusal.message) };
    both.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn githubs_words_are_kept_on_one_bounded_line() {
        let body = br#"{"message":"Validation Failed","errors":[{"resource":"Hook","field":"url","code":"missing"},"x\ny"]}"#;
        assert_eq!(message(body), "Validation Failed: Hook url missing; x y");
        assert_eq!(message(b"<html>"), "no reason given");
        let long = serde_json::json!({"message": "m".repeat(5000)}).to_string();
        assert_eq!(message(long.as_bytes()).len(), 300);
    }

    #[test]
    fn an_unreadable_answer_is_not_repeated() {
        let answer =
            Answer { body: Bytes::from_static(b"{\"token\":\"hush\"}"), link: None, server_time: None };
        let error = answer.json::<Vec<String>>("GET /x").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
    }
}
