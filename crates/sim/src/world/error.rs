//! Why GitHub would refuse.

/// A refusal, by the HTTP status that it becomes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// 404
    #[error("Not Found")]
    NotFound,
    /// 401
    #[error("Bad credentials")]
    Unauthorized,
    /// 403
    #[error("{0}")]
    Forbidden(String),
    /// 409
    #[error("{0}")]
    Conflict(String),
    /// 422
    #[error("{0}")]
    Invalid(String),
}
