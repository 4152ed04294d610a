//! A signed token of somebody else (a Kubernetes cluster, GitHub) exchanged for a role's credentials.

use super::{Credentials, Environment};
use crate::{client, error::Error, query::Params};
use jiff::Timestamp;
use url::Url;

pub(super) async fn exchange(
    environment: &Environment,
    http: &reqwest::Client,
    sts: &Url,
) -> Result<Option<Credentials>, Error> {
    let file = environment.get("AWS_WEB_IDENTITY_TOKEN_FILE");
    let (Some(file), Some(role)) = (file, environment.get("AWS_ROLE_ARN")) else {
        return match file {
            Some(_) => {
                Err(Error::Credentials("AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN".into()))
            }
            None => Ok(None),
        };
    };
    let token = tokio::fs::read_to_string(file)
        .await
        .map_err(|error| Error::Credentials(format!("read AWS_WEB_IDENTITY_TOKEN_FILE `{file}`: {error}")))?;
    let params = Params::default()
        .set("Action", "AssumeRoleWithWebIdentity")
        .set("Version", "2011-06-15")
        .set("RoleArn", role)
        .set("RoleSessionName", environment.get("AWS_ROLE_SESSION_NAME").unwrap_or("trunkline"))
        .set("WebIdentityToken", token.trim());
    let request = http.post(sts.clone()).header("Content-Type", client::FORM).body(params.encode());
    let answer = client::receive("AssumeRoleWithWebIdentity", request).await?;
    let answer = client::read_xml("AssumeRoleWithWebIdentity", &answer)?;
    let found = answer.at(&["AssumeRoleWithWebIdentityResult", "Credentials"]).and_then(|keys| {
        Some(Credentials {
            access_key_id: keys.get("AccessKeyId")?.into(),
            secret_access_key: keys.get("SecretAccessKey")?.to_owned().into(),
            session_token: Some(keys.get("SessionToken")?.to_owned().into()),
            expires: keys.get("Expiration").and_then(|end| end.parse::<Timestamp>().ok()),
        })
    });
    found
        .map(Some)
        .ok_or_else(|| Error::Credentials("AssumeRoleWithWebIdentity answered without credentials".into()))
}
