//! Starting a machine with `RunInstances`, and the data it shares with launch templates.

use super::instances::{Instance, launched};
use crate::{Client, Error, query::Params};
use std::collections::BTreeMap;

/// A root disk: always encrypted gp3 that goes with its machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootDisk {
    /// Device of the image's root, such as `/dev/xvda`.
    pub device: String,
    /// Size.
    pub gb: u32,
}

/// What a machine is made of. What is `None` comes from the launch template or Amazon's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaunchData {
    /// Image.
    pub image: Option<String>,
    /// Start script as it is read by the machine.
    pub user_data: Option<String>,
    /// Security groups.
    pub security_groups: Vec<String>,
    /// Whether it gets a public address.
    pub public_address: Option<bool>,
    /// Whether it gets an IPv6 address.
    pub ipv6: bool,
    /// Name or ARN of the instance profile.
    pub profile: Option<String>,
    /// Root disk.
    pub disk: Option<RootDisk>,
    /// Network hops that metadata answers may take; `None` leaves the template's metadata options alone.
    pub metadata_hops: Option<u8>,
    /// Tags of machine and disks.
    pub tags: BTreeMap<String, String>,
}

impl LaunchData {
    pub(crate) fn params(&self, subnet: Option<&str>) -> Params {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let mut params = Params::default()
            .set("InstanceInitiatedShutdownBehavior", "terminate")
            .maybe("ImageId", self.image.as_ref())
            .maybe("UserData", self.user_data.as_ref().map(|text| STANDARD.encode(text)));
        if let Some(profile) = &self.profile {
            let kind = if profile.starts_with("arn:") { "Arn" } else { "Name" };
            params = params.set(format!("IamInstanceProfile.{kind}"), profile);
        }
        if let Some(disk) = &self.disk {
            params = params
                .set("BlockDeviceMapping.1.DeviceName", &disk.device)
                .set("BlockDeviceMapping.1.Ebs.VolumeSize", disk.gb)
                .set("BlockDeviceMapping.1.Ebs.VolumeType", "gp3")
                .set("BlockDeviceMapping.1.Ebs.Encrypted", true)
                .set("BlockDeviceMapping.1.Ebs.DeleteOnTermination", true);
        }
        if let Some(hops) = self.metadata_hops {
            params = params
                .set("MetadataOptions.HttpTokens", "required")
                .set("MetadataOptions.HttpEndpoint", "enabled")
                .set("MetadataOptions.HttpPutResponseHopLimit", hops)
                .set("MetadataOptions.InstanceMetadataTags", "enabled");
        }
        if subnet.is_some() || !self.security_groups.is_empty() || self.public_address.is_some() || self.ipv6
        {
            params = params
                .set("NetworkInterface.1.DeviceIndex", 0)
                .set("NetworkInterface.1.DeleteOnTermination", true)
                .maybe("NetworkInterface.1.SubnetId", subnet)
                .maybe("NetworkInterface.1.AssociatePublicIpAddress", self.public_address)
                .maybe("NetworkInterface.1.Ipv6AddressCount", self.ipv6.then_some(1))
                .list("NetworkInterface.1.SecurityGroupId", &self.security_groups);
        }
        for (i, resource) in [(1, "instance"), (2, "volume")] {
            if !self.tags.is_empty() {
                params = params
                    .set(format!("TagSpecification.{i}.ResourceType"), resource)
                    .tags(&format!("TagSpecification.{i}.Tag"), &self.tags);
            }
        }
        params
    }
}

/// A launch template with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateRef {
    /// Id (`lt-…`) or name.
    pub template: String,
    /// Version number, `$Default` or `$Latest`.
    pub version: String,
}

impl TemplateRef {
    pub(crate) fn params(&self) -> Params {
        let kind = if self.template.starts_with("lt-") { "LaunchTemplateId" } else { "LaunchTemplateName" };
        Params::default().set(kind, &self.template).set("Version", &self.version)
    }
}

/// One machine to start.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// What it is made of.
    pub data: LaunchData,
    /// What the rest comes from.
    pub template: Option<TemplateRef>,
    /// Type.
    pub instance_type: String,
    /// Subnet, and with it the zone.
    pub subnet: Option<String>,
    /// Whether Amazon may take it away.
    pub spot: bool,
    /// Requests of the same token start one machine.
    pub token: String,
}

impl RunRequest {
    pub(crate) fn params(&self) -> Params {
        let mut params = Params::default()
            .set("MinCount", 1)
            .set("MaxCount", 1)
            .set("InstanceType", &self.instance_type)
            .set("ClientToken", &self.token);
        if let Some(template) = &self.template {
            params = params.under("LaunchTemplate", template.params());
        }
        if self.spot {
            params = params
                .set("InstanceMarketOptions.MarketType", "spot")
                .set("InstanceMarketOptions.SpotOptions.SpotInstanceType", "one-time")
                .set("InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior", "terminate");
        }
        params.extend(self.data.params(self.subnet.as_deref()))
    }
}

impl Client {
    /// Starts one machine.
    ///
    /// # Errors
    /// When Amazon refuses, or does not say whether it started one.
    pub async fn run_instance(&self, request: &RunRequest) -> Result<Instance, Error> {
        let answer = self.ec2("RunInstances", request.params()).await?;
        launched("RunInstances", &answer)?.into_iter().next().ok_or_else(|| super::incomplete("RunInstances"))
    }

    /// Asks whether [`run_instance`](Self::run_instance) would be allowed, without starting anything.
    ///
    /// # Errors
    /// When it would not.
    pub async fn may_run(&self, request: &RunRequest) -> Result<(), Error> {
        match self.ec2("RunInstances", request.params().set("DryRun", true)).await {
            Err(error) if error.is("DryRunOperation") => Ok(()),
            other => other.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_ordered_in_full() {
        let request = RunRequest {
            data: LaunchData {
                image: Some("ami-1".into()),
                user_data: Some("#!/bin/sh".into()),
                security_groups: vec!["sg-1".into()],
                public_address: Some(true),
                ipv6: true,
                profile: Some("runner".into()),
                disk: Some(RootDisk { device: "/dev/xvda".into(), gb: 150 }),
                metadata_hops: Some(1),
                tags: [("RunnerType".to_owned(), "linux.large".to_owned())].into(),
            },
            template: Some(TemplateRef { template: "lt-1".into(), version: "7".into() }),
            instance_type: "m7i.large".into(),
            subnet: Some("subnet-1".into()),
            spot: true,
            token: "t".into(),
        };
        let lines: Vec<_> =
            request.params().pairs().iter().map(|(name, value)| format!("{name}={value}")).collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        MinCount=1
        MaxCount=1
        InstanceType=m7i.large
        ClientToken=t
        LaunchTemplate.LaunchTemplateId=lt-1
        LaunchTemplate.Version=7
        InstanceMarketOptions.MarketType=spot
        InstanceMarketOptions.SpotOptions.SpotInstanceType=one-time
        InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior=terminate
        InstanceInitiatedShutdownBehavior=terminate
        ImageId=ami-1
        UserData=IyEvYmluL3No
        IamInstanceProfile.Name=runner
        BlockDeviceMapping.1.DeviceName=/dev/xvda
        BlockDeviceMapping.1.Ebs.VolumeSize=150
        BlockDeviceMapping.1.Ebs.VolumeType=gp3
        BlockDeviceMapping.1.Ebs.Encrypted=true
        BlockDeviceMapping.1.Ebs.DeleteOnTermination=true
        MetadataOptions.HttpTokens=required
        MetadataOptions.HttpEndpoint=enabled
        MetadataOptions.HttpPutResponseHopLimit=1
        MetadataOptions.InstanceMetadataTags=enabled
        NetworkInterface.1.DeviceIndex=0
        NetworkInterface.1.DeleteOnTermination=true
        NetworkInterface.1.SubnetId=subnet-1
        NetworkInterface.1.AssociatePublicIpAddress=true
        NetworkInterface.1.Ipv6AddressCount=1
        NetworkInterface.1.SecurityGroupId.1=sg-1
        TagSpecification.1.ResourceType=instance
        TagSpecification.1.Tag.1.Key=RunnerType
        TagSpecification.1.Tag.1.Value=linux.large
        TagSpecification.2.ResourceType=volume
        TagSpecification.2.Tag.1.Key=RunnerType
        TagSpecification.2.Tag.1.Value=linux.large
        ");
    }
}
