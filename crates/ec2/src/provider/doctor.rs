//! Asks Amazon whether everything that the fleet will need is there and allowed, without starting anything.

use super::{Ec2Provider, secret};
use crate::{Error, api::launch::RunRequest};

/// One thing that was asked.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What was asked, in words.
    pub what: String,
    /// The answer, or why there is none.
    pub answer: Result<String, Error>,
}

impl Ec2Provider {
    /// Checks credentials, subnets, images, secrets and whether each machine may be started (`DryRun`).
    pub async fn doctor(&self) -> Vec<Finding> {
        let mut found = vec![];
        let identity = self.client().identity().await;
        let known = identity.is_ok();
        found.push(Finding {
            what: "credentials".into(),
            answer: identity.map(|identity| format!("{} in account {}", identity.arn, identity.account)),
        });
        if !known {
            return found;
        }
        let subnets = self.places().await.map(|places| {
            places
                .iter()
                .map(|place| format!("{} in {}", place.subnet, place.zone))
                .collect::<Vec<_>>()
                .join(", ")
        });
        found.push(Finding { what: "subnets".into(), answer: subnets });
        let folder = secret::folder(self.config());
        let waiting = self.client().parameters_below(&folder).await;
        let answer = waiting.map(|waiting| format!("{} configurations wait below `{folder}`", waiting.len()));
        found.push(Finding { what: "SSM parameters".into(), answer });
        for (runner_type, machine) in &self.config().machines {
            let image = self.image_of(machine).await;
            let what = format!("image of `{runner_type}`");
            let image = match image {
                Ok(image) => {
                    let text = image.as_ref().map(|image| format!("{} ({})", image.id, image.name));
                    let answer = Ok(text.unwrap_or_else(|| "the launch template's".into()));
                    found.push(Finding { what, answer });
                    image
                }
                Err(error) => {
                    found.push(Finding { what, answer: Err(error) });
                    continue;
                }
            };
            let answer = self.may_start(runner_type, machine, image.as_ref()).await;
            found.push(Finding { what: format!("start of `{runner_type}`"), answer });
        }
        found
    }

    async fn may_start(
        &self,
        runner_type: &str,
        machine: &trunkline_fleet::provider::MachineSpec,
        image: Option<&crate::api::images::ImageInfo>,
    ) -> Result<String, Error> {
        let instance_type = machine.instance_types.first().cloned().unwrap_or_default();
        let request = RunRequest {
            data: self.data(runner_type, machine, image)?,
            template: self.config().template(runner_type, machine).cloned(),
            instance_type: instance_type.clone(),
            subnet: self.config().subnets.first().cloned(),
            spot: false,
            token: self.token(runner_type, &["doctor"], false),
        };
        self.client().may_run(&request).await?;
        Ok(format!("{instance_type} is allowed"))
    }
}
