//! Who runs the machines.

use crate::config::{Config, Ec2, Fleet as Settings};
use anyhow::{Context, Result};
use std::sync::Arc;
use trunkline_ec2::{Client, Ec2Provider, Options, credentials::Environment};
use trunkline_fleet::{
    provider::Provider,
    providers::process::{ProcessConfig, ProcessProvider},
};
use trunkline_github::http::{self, HttpOptions};
use trunkline_model::{Rng, SharedClock};

/// The provider that the configuration names.
pub(super) fn open(config: &Config, settings: &Settings, clock: &SharedClock) -> Result<Arc<dyn Provider>> {
    if let Some(settings) = &settings.ec2 {
        return Ok(Arc::new(ec2(settings, clock)?));
    }
    let provider = ProcessProvider::new(ProcessConfig {
        command: settings.command.clone(),
        folder: config.storage.folder.join("runners"),
        max_runners: settings.max_runners,
        pass_environment: vec![],
    })
    .context("set up the process provider")?;
    Ok(Arc::new(provider))
}

/// EC2, with the credentials of the environment: variables, profile, web identity, container or machine role.
pub(crate) fn ec2(settings: &Ec2, clock: &SharedClock) -> Result<Ec2Provider> {
    let http = http::client(&HttpOptions::default()).context("make an HTTP client")?;
    let options = Options { endpoint: settings.endpoint.clone(), ..Options::new(&settings.region) };
    let client =
        Client::new(http, options, Environment::of_process(), None, Arc::clone(clock), Rng::from_os())
            .context("set up the EC2 client")?;
    Ec2Provider::new(client, settings.provider.clone(), Arc::clone(clock)).context("set up the EC2 provider")
}
