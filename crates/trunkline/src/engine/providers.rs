//! Who runs the machines.

use crate::config::{Config, Ec2, Fleet as Settings};
use anyhow::{Context, Result};
use std::sync::Arc;
use trunkline_ec2::{Client, Ec2Provider, Options, credentials::Environment};
use trunkline_fleet::{
    provider::{MachineSpec, Provider},
    providers::process::{ProcessConfig, ProcessProvider},
    scale_config::ScaleConfig,
};
use trunkline_github::http::{self, HttpOptions};
use trunkline_model::{Rng, SharedClock};

/// The provider that the configuration names.
pub(super) fn open(
    config: &Config,
    settings: &Settings,
    scale: &ScaleConfig,
    clock: &SharedClock,
) -> Result<Arc<dyn Provider>> {
    if let Some(settings) = &settings.ec2 {
        return Ok(Arc::new(ec2(settings, scale, clock)?));
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
pub(crate) fn ec2(settings: &Ec2, scale: &ScaleConfig, clock: &SharedClock) -> Result<Ec2Provider> {
    let http = http::client(&HttpOptions::default()).context("make an HTTP client")?;
    let options = Options { endpoint: settings.endpoint.clone(), ..Options::new(&settings.region) };
    let client =
        Client::new(http, options, Environment::of_process(), None, Arc::clone(clock), Rng::from_os())
            .context("set up the EC2 client")?;
    let mut provider = settings.provider.clone();
    provider.machines =
        scale.types().iter().map(|kind| (kind.name.clone(), MachineSpec::from(kind))).collect();
    Ec2Provider::new(client, provider, Arc::clone(clock)).context("set up the EC2 provider")
}
