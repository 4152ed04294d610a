//! The JIT configuration on its way to a machine: an encrypted SSM parameter.
//!
//! It is written before the machine is ordered, so a machine never waits for one that could not be written. Its path
//! ends in a digest of the secret itself, which nobody can guess: the machines' role may read and delete below the
//! fleet's path but not list it, so a machine reads only the parameter that its own tags name. The machine deletes
//! it at once; what is left over is deleted by [`super::upkeep`]. Equal configurations have equal paths, so an order
//! that comes again is the same order to Amazon.

use super::{Ec2Config, Ec2Provider};
use crate::Error;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use trunkline_fleet::provider::LaunchSpec;
use trunkline_model::RunnerName;

/// Where all configurations of a fleet wait.
pub(crate) fn folder(config: &Ec2Config) -> String {
    format!("{}/{}", config.secret_prefix.trim_end_matches('/'), config.environment)
}

/// Where the configurations of a runner wait.
pub(crate) fn runner_folder(config: &Ec2Config, name: &RunnerName) -> String {
    format!("{}/{name}", folder(config))
}

/// Where one configuration waits.
pub(crate) fn path(config: &Ec2Config, order: &LaunchSpec) -> String {
    let digest = Sha256::new()
        .chain_update("trunkline parameter ")
        .chain_update(order.jit_config.expose_secret())
        .finalize();
    format!("{}/{}", runner_folder(config, &order.name), hex::encode(&digest[..16]))
}

/// Whether a path that a tag names is one of this fleet's: tags can be changed by others, and a secret goes nowhere else.
pub(crate) fn is_ours(config: &Ec2Config, path: &str) -> bool {
    path.strip_prefix(&folder(config)).is_some_and(|rest| rest.starts_with('/'))
}

impl Ec2Provider {
    pub(super) async fn put_secret(&self, path: &str, secret: &SecretString) -> Result<(), Error> {
        self.client().put_secret(path, secret, self.config().secret_key.as_deref()).await
    }

    /// Deletes what a machine may not have fetched. Upkeep finds what this cannot delete now.
    pub(super) async fn drop_secret(&self, path: Option<&str>) {
        let Some(path) = path.filter(|path| is_ours(self.config(), path)) else { return };
        if let Err(error) = self.client().delete_parameters(&[path.to_owned()]).await {
            tracing::info!(path, %error, "left-over configuration is deleted later");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_fleet::provider::MachineSpec;

    #[test]
    fn a_path_does_not_tell_the_secret_and_cannot_be_guessed_from_the_name() {
        let config = Ec2Config::new("ghci", vec!["subnet-1".into()]);
        let order = |secret: &str| LaunchSpec {
            name: "ci-1".parse().unwrap(),
            runner_type: "linux.large".into(),
            labels: vec![],
            jit_config: secret.to_owned().into(),
            runner_id: None,
            machine: MachineSpec::default(),
        };
        let (one, two) = (path(&config, &order("one")), path(&config, &order("two")));
        assert_ne!(one, two);
        assert_eq!(one, path(&config, &order("one")));
        assert!(
            is_ours(&config, &one) && !is_ours(&config, "/trunkline/ghci2/ci-1/0") && !is_ours(&config, "/x")
        );
        assert!(one.starts_with("/trunkline/ghci/ci-1/") && one.len() == "/trunkline/ghci/ci-1/".len() + 32);
    }
}
