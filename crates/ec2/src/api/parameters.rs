//! SSM parameters: how a secret reaches a machine without being part of it.

use crate::{Client, Error};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// Longest value of a parameter.
pub const MAX_VALUE: usize = 8192;
/// Most pages of one list: 50 parameters each.
const MAX_PAGES: usize = 400;

/// A parameter, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterInfo {
    /// Path.
    pub name: String,
    /// When it was written last.
    pub modified_at: Option<Timestamp>,
}

impl Client {
    /// Writes an encrypted parameter, over an older value if there is one.
    ///
    /// # Errors
    /// When the value is too long, or Amazon refuses.
    pub async fn put_secret(&self, name: &str, value: &SecretString, key: Option<&str>) -> Result<(), Error> {
        let length = value.expose_secret().len();
        if length > MAX_VALUE {
            return Err(Error::Config(format!(
                "the value for parameter `{name}` has {length} bytes, more than the {MAX_VALUE} that SSM keeps"
            )));
        }
        let mut body = json!({
            "Name": name,
            "Value": value.expose_secret(),
            "Type": "SecureString",
            "Overwrite": true,
            // Standard, but for long values and when the account's standard parameters are used up.
            "Tier": "Intelligent-Tiering",
        });
        if let Some(key) = key {
            body["KeyId"] = key.into();
        }
        self.ssm("PutParameter", &body).await.map(drop)
    }

    /// Deletes parameters; those that are gone do not matter.
    ///
    /// # Errors
    /// When Amazon refuses.
    pub async fn delete_parameters(&self, names: &[String]) -> Result<usize, Error> {
        let mut deleted = 0;
        for ten in names.chunks(10) {
            let answer = self.ssm("DeleteParameters", &json!({ "Names": ten })).await?;
            deleted += answer["DeletedParameters"].as_array().map_or(0, Vec::len);
        }
        Ok(deleted)
    }

    /// All parameters below a path, without their values.
    ///
    /// # Errors
    /// When a page fails.
    pub async fn parameters_below(&self, path: &str) -> Result<Vec<ParameterInfo>, Error> {
        let action = "DescribeParameters";
        let mut all = vec![];
        let mut body = json!({
            "MaxResults": 50,
            "ParameterFilters": [{ "Key": "Path", "Option": "Recursive", "Values": [path] }],
        });
        for _ in 0..MAX_PAGES {
            let answer = self.ssm(action, &body).await?;
            let page = answer["Parameters"].as_array().ok_or_else(|| super::incomplete(action))?;
            for parameter in page {
                let name = parameter["Name"].as_str().ok_or_else(|| super::incomplete(action))?.to_owned();
                let seconds = parameter["LastModifiedDate"].as_f64();
                let modified_at = seconds.and_then(|s| Timestamp::from_second(s as i64).ok());
                all.push(ParameterInfo { name, modified_at });
            }
            match answer["NextToken"].as_str() {
                None | Some("") => return Ok(all),
                Some(token) => body["NextToken"] = token.into(),
            }
        }
        Err(Error::unanswered(action, format!("the list has more than {MAX_PAGES} pages")))
    }
}
