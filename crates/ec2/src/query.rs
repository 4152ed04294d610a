//! Parameters of the Query protocol: flat names such as `Filter.1.Value.2`.

use std::fmt::{self, Write};

/// The form of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Adds a parameter.
    pub(crate) fn set(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.0.push((name.into(), value.to_string()));
        self
    }

    /// Adds a parameter when there is a value.
    pub(crate) fn maybe(self, name: &str, value: Option<impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// Adds `name.1`, `name.2`, …
    pub(crate) fn list<T: fmt::Display>(self, name: &str, values: impl IntoIterator<Item = T>) -> Self {
        values
            .into_iter()
            .zip(1..)
            .fold(self, |params, (value, i): (T, u32)| params.set(format!("{name}.{i}"), value))
    }

    /// Adds filters; each takes any of its values.
    pub(crate) fn filters(self, filters: &[Filter]) -> Self {
        filters.iter().zip(1..).fold(self, |params, (filter, i): (_, u32)| {
            params
                .set(format!("Filter.{i}.Name"), &filter.name)
                .list(&format!("Filter.{i}.Value"), &filter.values)
        })
    }

    /// Adds tags under `prefix`, such as `Tag` or `TagSpecification.1.Tag`.
    pub(crate) fn tags<'a>(
        self,
        prefix: &str,
        tags: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Self {
        tags.into_iter().zip(1..).fold(self, |params, ((key, value), i): (_, u32)| {
            params.set(format!("{prefix}.{i}.Key"), key).set(format!("{prefix}.{i}.Value"), value)
        })
    }

    /// Adds all of `other` below a prefix.
    pub(crate) fn under(mut self, prefix: &str, other: Self) -> Self {
        self.0.extend(other.0.into_iter().map(|(name, value)| (format!("{prefix}.{name}"), value)));
        self
    }

    /// Adds all of `other`.
    pub(crate) fn extend(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The pairs, in order.
    #[cfg(test)]
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// As a form body.
    pub(crate) fn encode(&self) -> String {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        out.extend_pairs(&self.0);
        out.finish()
    }

    /// A short name for its content: equal parameters have equal names.
    pub(crate) fn digest(&self) -> String {
        use sha2::Digest;
        let hash = sha2::Sha256::digest(self.encode());
        hash.iter().take(16).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// A condition on what is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    name: String,
    values: Vec<String>,
}

impl Filter {
    /// `name` is any of `values`.
    pub fn new<T: Into<String>>(name: impl Into<String>, values: impl IntoIterator<Item = T>) -> Self {
        Self { name: name.into(), values: values.into_iter().map(Into::into).collect() }
    }

    /// A tag is any of `values`.
    pub fn tag<T: Into<String>>(key: &str, values: impl IntoIterator<Item = T>) -> Self {
        Self::new(format!("tag:{key}"), values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_from_one() {
        let tags = std::collections::BTreeMap::from([("Name".to_owned(), "a b&c".to_owned())]);
        let params = Params::default()
            .set("Action", "X")
            .maybe("Token", None::<&str>)
            .filters(&[Filter::tag("Environment", ["a", "b"])])
            .tags("Tag", &tags)
            .under("LaunchTemplateData", Params::default().list("SecurityGroupId", ["sg-1"]));
        assert_eq!(
            params.encode(),
            "Action=X&Filter.1.Name=tag%3AEnvironment&Filter.1.Value.1=a&Filter.1.Value.2=b\
             &Tag.1.Key=Name&Tag.1.Value=a+b%26c&LaunchTemplateData.SecurityGroupId.1=sg-1"
        );
        assert_ne!(params.digest(), Params::default().digest());
        assert_eq!(params.digest().len(), 32);
    }
}
