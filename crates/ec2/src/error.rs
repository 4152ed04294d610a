//! What can go wrong in a call, and the class that decides what happens next.

use trunkline_fleet::provider::{self, ErrorClass};

/// Longest text of Amazon's that is repeated.
const MAX_MESSAGE: usize = 300;

/// A call that did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Amazon answered no; nothing was done.
    #[error("{action} refused: {code}: {message}{}", advice(code))]
    Refused {
        /// The call.
        action: String,
        /// Amazon's code, such as `InsufficientInstanceCapacity`.
        code: String,
        /// Amazon's words, cut short.
        message: String,
        /// HTTP status.
        status: u16,
    },
    /// No answer that says whether it was done.
    #[error("{action} has no answer: {why}")]
    Unanswered {
        /// The call.
        action: String,
        /// What happened instead.
        why: String,
    },
    /// No credentials, or the source of them does not answer.
    #[error("no credentials for Amazon: {0}")]
    Credentials(String),
    /// We cannot ask as configured.
    #[error("{0}")]
    Config(String),
}

impl Error {
    pub(crate) fn refused(action: &str, status: u16, code: &str, message: &str) -> Self {
        let message =
            message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_MESSAGE).collect();
        Self::Refused { action: action.into(), code: code.into(), message, status }
    }

    pub(crate) fn unanswered(action: &str, why: impl Into<String>) -> Self {
        Self::Unanswered { action: action.into(), why: why.into() }
    }

    /// Amazon's code, if it answered.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether Amazon refused with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code() == Some(code)
    }

    /// Whether it may have been done nevertheless.
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Unanswered { .. } => true,
            Self::Refused { status, code, .. } => {
                *status >= 500 && class_of(code, *status) == ErrorClass::Transient
            }
            Self::Credentials(_) | Self::Config(_) => false,
        }
    }

    /// What kind.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Refused { code, status, .. } => class_of(code, *status),
            Self::Unanswered { .. } => ErrorClass::Transient,
            Self::Credentials(_) => ErrorClass::Auth,
            Self::Config(_) => ErrorClass::Config,
        }
    }
}

impl From<Error> for provider::Error {
    fn from(error: Error) -> Self {
        Self::new(error.class(), error.to_string())
    }
}

/// The class of a code. Unknown codes go by the status: what Amazon calls our mistake needs a person.
pub fn class_of(code: &str, status: u16) -> ErrorClass {
    // SSM and STS put a namespace before and `Exception` behind.
    let code = code.rsplit('#').next().unwrap_or(code);
    let code = code.strip_suffix("Exception").unwrap_or(code);
    match code {
        "RequestLimitExceeded"
        | "Throttling"
        | "Throttled"
        | "EC2Throttled"
        | "RequestThrottled"
        | "TooManyRequests"
        | "TooManyUpdates"
        | "SlowDown"
        | "BandwidthLimitExceeded" => ErrorClass::Throttle,
        "InsufficientInstanceCapacity"
        | "InsufficientCapacity"
        | "InsufficientHostCapacity"
        | "InsufficientCapacityOnHost"
        | "InsufficientReservedInstanceCapacity"
        | "InsufficientAddressCapacity"
        | "InsufficientFreeAddressesInSubnet"
        | "InsufficientVolumeCapacity"
        | "UnfulfillableCapacity"
        | "SpotMaxPriceTooLow"
        | "Unsupported" => ErrorClass::Capacity,
        "AuthFailure"
        | "UnauthorizedOperation"
        | "AccessDenied"
        | "ExpiredToken"
        | "RequestExpired"
        | "InvalidClientTokenId"
        | "UnrecognizedClient"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "InvalidSignature"
        | "NotAuthorized"
        | "OptInRequired"
        | "Blocked"
        | "InvalidIdentityToken"
        | "IDPRejectedClaim"
        | "InvalidSecurity" => ErrorClass::Auth,
        "InternalError"
        | "InternalFailure"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "Unavailable"
        | "RequestTimeout"
        | "IncorrectInstanceState"
        | "IncorrectState"
        | "ConcurrentTagAccess"
        | "PendingVerification"
        | "IDPCommunicationError" => ErrorClass::Transient,
        _ if code.ends_with("LimitExceeded") || code.ends_with("CountExceeded") => ErrorClass::Quota,
        _ if status == 429 => ErrorClass::Throttle,
        _ if status >= 500 || status == 408 => ErrorClass::Transient,
        _ if status == 401 || status == 403 => ErrorClass::Auth,
        _ => ErrorClass::Config,
    }
}

/// The next step for a person, where Amazon's words do not say it.
fn advice(code: &str) -> &'static str {
    match code {
        "AuthFailure" | "InvalidClientTokenId" | "UnrecognizedClientException" => {
            " (check the access key, and that it belongs to this partition)"
        }
        "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" => {
            " (allow this action in the control plane's policy)"
        }
        "ExpiredToken" | "ExpiredTokenException" => " (the session ended; renew the credentials)",
        "RequestExpired" | "SignatureDoesNotMatch" => " (check the secret key and this machine's clock)",
        "VcpuLimitExceeded" | "InstanceLimitExceeded" | "MaxSpotInstanceCountExceeded" => {
            " (ask Amazon for a higher quota, or lower the cap)"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_class() {
        use ErrorClass::{Auth, Capacity, Config, Quota, Throttle, Transient};
        for (code, status, class) in [
            ("InsufficientInstanceCapacity", 500, Capacity),
            ("InsufficientHostCapacity", 500, Capacity),
            ("InsufficientFreeAddressesInSubnet", 400, Capacity),
            ("UnfulfillableCapacity", 500, Capacity),
            ("SpotMaxPriceTooLow", 400, Capacity),
            ("Unsupported", 400, Capacity),
            ("MaxSpotInstanceCountExceeded", 400, Quota),
            ("VcpuLimitExceeded", 400, Quota),
            ("InstanceLimitExceeded", 400, Quota),
            ("VolumeLimitExceeded", 400, Quota),
            ("ParameterLimitExceeded", 400, Quota),
            ("RequestLimitExceeded", 503, Throttle),
            ("Throttling", 400, Throttle),
            ("com.amazonaws.ssm#ThrottlingException", 400, Throttle),
            ("TooManyUpdates", 400, Throttle),
            ("AnythingNew", 429, Throttle),
            ("UnauthorizedOperation", 403, Auth),
            ("AuthFailure", 401, Auth),
            ("ExpiredToken", 400, Auth),
            ("ExpiredTokenException", 403, Auth),
            ("SignatureDoesNotMatch", 403, Auth),
            ("AccessDeniedException", 400, Auth),
            ("AnythingNew", 403, Auth),
            ("InvalidAMIID.NotFound", 400, Config),
            ("InvalidParameterValue", 400, Config),
            ("InvalidSubnetID.NotFound", 400, Config),
            ("AnythingNew", 400, Config),
            ("InternalError", 500, Transient),
            ("Unavailable", 503, Transient),
            ("IncorrectInstanceState", 400, Transient),
            ("AnythingNew", 502, Transient),
        ] {
            assert_eq!(class_of(code, status), class, "{code} {status}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_do_and_is_cut() {
        let error = Error::refused("RunInstances", 400, "VcpuLimitExceeded", &"no\n".repeat(500));
        let text = error.to_string();
        assert!(text.starts_with("RunInstances refused: VcpuLimitExceeded: no no"), "{text}");
        assert!(text.ends_with("(ask Amazon for a higher quota, or lower the cap)") && text.len() < 420);
        let converted = provider::Error::from(error);
        assert_eq!(converted.class, ErrorClass::Quota);
    }

    #[test]
    fn only_silence_and_server_errors_leave_the_outcome_open() {
        assert!(Error::unanswered("RunInstances", "timed out").outcome_unknown());
        assert!(Error::refused("RunInstances", 500, "InternalError", "").outcome_unknown());
        assert!(!Error::refused("RunInstances", 500, "InsufficientInstanceCapacity", "").outcome_unknown());
        assert!(!Error::refused("RunInstances", 400, "InvalidParameterValue", "").outcome_unknown());
    }
}
