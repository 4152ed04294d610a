//! `CreateFleet` in its instant form: one call chooses among types and zones.

use super::{incomplete, launch::TemplateRef};
use crate::{Client, Error, query::Params, xml::Element};
use std::collections::BTreeMap;

/// A place of a fleet request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Type.
    pub instance_type: String,
    /// Subnet.
    pub subnet: String,
}

/// One machine, wherever it fits best.
#[derive(Debug, Clone)]
pub struct FleetRequest {
    /// What it is made of.
    pub template: TemplateRef,
    /// Where and as what, best first.
    pub choices: Vec<Choice>,
    /// Whether Amazon may take it away.
    pub spot: bool,
    /// Tags of the machine.
    pub tags: BTreeMap<String, String>,
    /// Requests of the same token start one machine.
    pub token: String,
}

/// A machine of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetMachine {
    /// Id.
    pub id: String,
    /// Type it became.
    pub instance_type: String,
    /// Subnet, if it is said.
    pub subnet: Option<String>,
}

/// Why a choice did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetError {
    /// Amazon's code.
    pub code: String,
    /// Amazon's words.
    pub message: String,
    /// Type of the choice, if it is said.
    pub instance_type: Option<String>,
    /// Subnet of the choice, if it is said.
    pub subnet: Option<String>,
}

impl FleetRequest {
    fn params(&self) -> Params {
        let (kind, strategy) =
            if self.spot { ("spot", "SpotOptions") } else { ("on-demand", "OnDemandOptions") };
        let chosen = if self.spot { "price-capacity-optimized" } else { "prioritized" };
        let mut params = Params::default()
            .set("Type", "instant")
            .set("ClientToken", &self.token)
            .set("TargetCapacitySpecification.TotalTargetCapacity", 1)
            .set("TargetCapacitySpecification.DefaultTargetCapacityType", kind)
            .set(format!("{strategy}.AllocationStrategy"), chosen)
            .set("TagSpecification.1.ResourceType", "instance")
            .tags("TagSpecification.1.Tag", &self.tags)
            .under("LaunchTemplateConfigs.1.LaunchTemplateSpecification", self.template.params());
        for (choice, i) in self.choices.iter().zip(1_u32..) {
            let place = format!("LaunchTemplateConfigs.1.Overrides.{i}");
            params = params
                .set(format!("{place}.InstanceType"), &choice.instance_type)
                .set(format!("{place}.SubnetId"), &choice.subnet);
            if !self.spot {
                params = params.set(format!("{place}.Priority"), i);
            }
        }
        params
    }
}

impl Client {
    /// Starts one machine, or says why none of the choices worked.
    ///
    /// # Errors
    /// When Amazon refuses the request as a whole, or does not say whether it started one.
    pub async fn create_fleet(
        &self,
        request: &FleetRequest,
    ) -> Result<Result<FleetMachine, Vec<FleetError>>, Error> {
        let answer = self.ec2("CreateFleet", request.params()).await?;
        answer_of(&answer).ok_or_else(|| incomplete("CreateFleet"))
    }
}

fn answer_of(answer: &Element) -> Option<Result<FleetMachine, Vec<FleetError>>> {
    let overrides = ["launchTemplateAndOverrides", "overrides"];
    let said = |item: &Element, name: &str| {
        item.at(&overrides).and_then(|overrides| overrides.get(name)).map(str::to_owned)
    };
    for item in answer.items("fleetInstanceSet") {
        if let Some(id) = item.items("instanceIds").next() {
            return Some(Ok(FleetMachine {
                id: id.text().to_owned(),
                instance_type: item.get("instanceType").unwrap_or_default().into(),
                subnet: said(item, "subnetId"),
            }));
        }
    }
    let errors: Vec<_> = answer
        .items("errorSet")
        .filter_map(|item| {
            Some(FleetError {
                code: item.get("errorCode")?.into(),
                message: item.get("errorMessage").unwrap_or_default().into(),
                instance_type: said(item, "instanceType"),
                subnet: said(item, "subnetId"),
            })
        })
        .collect();
    answer.child("fleetId")?;
    Some(Err(errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_or_the_reasons() {
        let read = |xml: &str| answer_of(&crate::xml::parse(xml.as_bytes()).unwrap());
        let machine = read(
            "<r><fleetId>fleet-1</fleetId><errorSet/><fleetInstanceSet><item><launchTemplateAndOverrides><overrides>\
             <subnetId>subnet-1</subnetId></overrides></launchTemplateAndOverrides><instanceIds><item>i-1</item>\
             </instanceIds><instanceType>m7i.large</instanceType></item></fleetInstanceSet></r>",
        );
        assert_eq!(machine.unwrap().unwrap().subnet.as_deref(), Some("subnet-1"));
        let errors = read(
            "<r><fleetId>fleet-1</fleetId><errorSet><item><errorCode>InsufficientInstanceCapacity</errorCode>\
             <errorMessage>none</errorMessage><launchTemplateAndOverrides><overrides><instanceType>m7i.large</instanceType>\
             </overrides></launchTemplateAndOverrides></item></errorSet><fleetInstanceSet/></r>",
        );
        assert_eq!(errors.unwrap().unwrap_err()[0].instance_type.as_deref(), Some("m7i.large"));
        assert_eq!(read("<html/>"), None);
    }
}
