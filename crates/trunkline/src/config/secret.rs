//! Where a secret is found: a file, the environment or a command; never the configuration text.

use secrecy::SecretString;
use std::path::{Path, PathBuf};

/// A place that holds a secret. `Debug` shows the place, never the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretRef {
    /// Content of a file, without the final line break.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// Standard output of a command, without the final line break.
    Command(Vec<String>),
}

/// Why a secret could not be read; says the place, never the secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    #[error("read the secret file `{path}`: {reason}")]
    File { path: PathBuf, reason: String },
    #[error("the environment variable `{0}` is not set")]
    Env(String),
    #[error("run the secret command `{program}`: {reason}")]
    Command { program: String, reason: String },
    #[error("the secret from {0} is empty")]
    Empty(String),
}

impl SecretRef {
    /// Makes a relative file relative to `folder`.
    pub(super) fn rebase(&mut self, folder: &Path) {
        if let Self::File(path) = self {
            *path = folder.join(&path);
        }
    }

    /// Reads the secret.
    pub(crate) fn read(&self) -> Result<SecretString, SecretError> {
        let text = match self {
            Self::File(path) => std::fs::read_to_string(path)
                .map_err(|error| SecretError::File { path: path.clone(), reason: error.to_string() })?,
            Self::Env(name) => std::env::var(name).map_err(|_| SecretError::Env(name.clone()))?,
            Self::Command(argv) => run(argv)?,
        };
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(SecretError::Empty(self.place()));
        }
        Ok(text.to_owned().into())
    }

    /// The place in words.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::File(path) => format!("file `{}`", path.display()),
            Self::Env(name) => format!("environment variable `{name}`"),
            Self::Command(argv) => format!("command `{}`", argv.first().map_or("", String::as_str)),
        }
    }
}

fn run(argv: &[String]) -> Result<String, SecretError> {
    let (program, args) = argv.split_first().ok_or_else(|| SecretError::Empty("an empty command".into()))?;
    let failed = |reason: String| SecretError::Command { program: program.clone(), reason };
    let out = std::process::Command::new(program).args(args).output().map_err(|e| failed(e.to_string()))?;
    if !out.status.success() {
        return Err(failed(format!("it ended with {}", out.status)));
    }
    String::from_utf8(out.stdout).map_err(|_| failed("its output is not UTF-8".into()))
}
