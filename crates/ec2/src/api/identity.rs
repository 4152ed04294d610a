//! Who we are.

use crate::{Client, Error, api::incomplete, query::Params};

/// The identity of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Account.
    pub account: String,
    /// Role or user.
    pub arn: String,
}

impl Client {
    /// Who Amazon says we are: needs no permission, so it tells wrong credentials from missing permissions.
    ///
    /// # Errors
    /// When the credentials are refused.
    pub async fn identity(&self) -> Result<Identity, Error> {
        let answer = self.sts("GetCallerIdentity", Params::default()).await?;
        let result = answer.child("GetCallerIdentityResult");
        let identity = result
            .and_then(|r| Some(Identity { account: r.get("Account")?.into(), arn: r.get("Arn")?.into() }));
        identity.ok_or_else(|| incomplete("GetCallerIdentity"))
    }
}
