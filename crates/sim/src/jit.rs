//! JIT configurations: base64 of a JSON object that maps file names to base64 contents, as GitHub's are.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::fmt;
use trunkline_model::{RunnerId, RunnerName};

/// What a runner starts with. `Debug` does not show the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Jit {
    /// Where the listener connects.
    pub server: String,
    /// Page of the repository or organisation.
    pub url: String,
    /// The registration.
    pub runner: RunnerId,
    /// Its name.
    pub name: RunnerName,
    /// Proves that the listener is the registered runner.
    pub secret: String,
}

impl fmt::Debug for Jit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jit").field("runner", &self.runner).field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why a text is no JIT configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the JIT configuration has no usable {0}")]
pub struct InvalidJit(&'static str);

impl Jit {
    /// The text that `generate-jitconfig` answers.
    pub fn encode(&self) -> String {
        let file = |value: &Value| STANDARD.encode(value.to_string());
        let runner = json!({
            "agentId": self.runner.to_string(),
            "agentName": self.name,
            "disableUpdate": "true",
            "ephemeral": "true",
            "gitHubUrl": self.url,
            "poolId": "1",
            "poolName": "Default",
            "serverUrl": self.server,
            "useV2Flow": "true",
            "workFolder": "_work",
        });
        let credentials = json!({ "scheme": "OAuth", "data": { "clientId": self.runner.to_string(),
            "authorizationUrl": self.server, "secret": self.secret } });
        let files = json!({
            ".runner": file(&runner),
            ".credentials": file(&credentials),
            ".credentials_rsaparams": file(&json!({})),
        });
        STANDARD.encode(files.to_string())
    }

    /// Reads it back.
    ///
    /// # Errors
    /// Names the part that is missing or unreadable.
    pub fn decode(text: &str) -> Result<Self, InvalidJit> {
        let outer = STANDARD.decode(text.trim()).map_err(|_| InvalidJit("base64"))?;
        let files: Value = serde_json::from_slice(&outer).map_err(|_| InvalidJit("JSON"))?;
        let file = |name: &str, error| -> Result<Value, InvalidJit> {
            let content = files[name].as_str().ok_or(InvalidJit(error))?;
            let content = STANDARD.decode(content).map_err(|_| InvalidJit(error))?;
            serde_json::from_slice(&content).map_err(|_| InvalidJit(error))
        };
        let (runner, credentials) = (file(".runner", "`.runner`")?, file(".credentials", "`.credentials`")?);
        let text = |value: &Value, error| value.as_str().map(str::to_owned).ok_or(InvalidJit(error));
        Ok(Self {
            server: text(&runner["serverUrl"], "server")?,
            url: text(&runner["gitHubUrl"], "URL")?,
            runner: text(&runner["agentId"], "runner id")?.parse().map_err(|_| InvalidJit("runner id"))?,
            name: text(&runner["agentName"], "runner name")?
                .parse()
                .map_err(|_| InvalidJit("runner name"))?,
            secret: text(&credentials["data"]["secret"], "secret")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_configuration_reads_back_and_hides_its_secret() {
        let jit = Jit {
            server: "http://127.0.0.1:1/".into(),
            url: "https://github.com/o/r".into(),
            runner: RunnerId(7),
            name: "r-7".parse().unwrap(),
            secret: "hush".into(),
        };
        assert_eq!(Jit::decode(&jit.encode()), Ok(jit.clone()));
        assert!(!format!("{jit:?}").contains("hush"));
    }

    proptest! {
        #[test]
        fn any_text_is_refused_without_a_panic(text in "\\PC{0,80}", bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(Jit::decode(&text).is_err());
            prop_assert!(Jit::decode(&STANDARD.encode(bytes)).is_err());
        }
    }
}
