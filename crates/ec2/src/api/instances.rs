//! Machines: list, stop, start, terminate, tag.

use super::{Filter, incomplete, tags};
use crate::{Client, Error, query::Params, xml::Element};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Machines asked for in one page.
const PAGE: u32 = 500;

/// Where a machine is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Starting.
    Pending,
    /// Running.
    Running,
    /// Being stopped; can be started again.
    Stopping,
    /// Stopped; can be started again.
    Stopped,
    /// Ending for good.
    ShuttingDown,
    /// Ended for good.
    Terminated,
}

impl State {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "pending" => Self::Pending,
            "running" => Self::Running,
            "stopping" => Self::Stopping,
            "stopped" => Self::Stopped,
            "shutting-down" => Self::ShuttingDown,
            "terminated" => Self::Terminated,
            _ => return None,
        })
    }

    /// Amazon's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
        }
    }

    /// Whether it exists and is not on its way out.
    pub fn is_there(self) -> bool {
        !matches!(self, Self::ShuttingDown | Self::Terminated)
    }
}

/// A disk of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Device name, such as `/dev/xvda`.
    pub device: String,
    /// Volume id.
    pub volume: String,
    /// Whether it goes with the machine.
    pub ends_with_machine: bool,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Id.
    pub id: String,
    /// Where it is in its life.
    pub state: State,
    /// Why it changed its state, in Amazon's words.
    pub state_reason: Option<String>,
    /// Type, such as `m7i.large`.
    pub instance_type: String,
    /// Image.
    pub image: String,
    /// Zone.
    pub zone: String,
    /// Whether Amazon may take it away.
    pub spot: bool,
    /// When it was launched, or started last.
    pub launched_at: Option<Timestamp>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Disks.
    pub disks: Vec<Disk>,
}

impl Instance {
    /// Reads an `item` of `instancesSet`; `None` when it lacks what every machine has.
    pub(crate) fn read(item: &Element) -> Option<Self> {
        let disk = |item: &Element| {
            Some(Disk {
                device: item.get("deviceName")?.into(),
                volume: item.get_at(&["ebs", "volumeId"])?.into(),
                ends_with_machine: item.child("ebs").is_some_and(|ebs| ebs.is("deleteOnTermination")),
            })
        };
        let reason = item.get_at(&["stateReason", "message"]).or_else(|| item.get("reason"));
        Some(Self {
            id: item.get("instanceId")?.into(),
            state: State::read(item.get_at(&["instanceState", "name"])?)?,
            state_reason: reason.map(str::to_owned),
            instance_type: item.get("instanceType").unwrap_or_default().into(),
            image: item.get("imageId").unwrap_or_default().into(),
            zone: item.get_at(&["placement", "availabilityZone"]).unwrap_or_default().into(),
            spot: item.get("instanceLifecycle") == Some("spot"),
            launched_at: item.get("launchTime").and_then(|time| time.parse().ok()),
            tags: tags(item),
            disks: item.items("blockDeviceMapping").filter_map(disk).collect(),
        })
    }

    /// A tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.get(key).map(String::as_str)
    }
}

/// All machines of one page; `None` when one of them cannot be read.
fn page(answer: &Element) -> Option<Vec<Instance>> {
    answer.child("reservationSet")?;
    answer
        .items("reservationSet")
        .flat_map(|reservation| reservation.items("instancesSet"))
        .map(Instance::read)
        .collect()
}

impl Client {
    /// All machines that fit all filters; complete, or an error.
    ///
    /// # Errors
    /// When a page fails.
    pub async fn instances(&self, filters: &[Filter]) -> Result<Vec<Instance>, Error> {
        let params = Params::default().set("MaxResults", PAGE).filters(filters);
        self.pages("DescribeInstances", params, page).await
    }

    /// One machine by id; `None` when there is no record of it any more.
    ///
    /// # Errors
    /// When Amazon does not say.
    pub async fn instance(&self, id: &str) -> Result<Option<Instance>, Error> {
        let params = Params::default().list("InstanceId", [id]);
        match self.pages("DescribeInstances", params, page).await {
            Ok(found) => Ok(found.into_iter().next()),
            Err(error) if gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Ends machines for good. Those that are gone do not matter.
    ///
    /// # Errors
    /// When Amazon refuses.
    pub async fn terminate_instances(&self, ids: &[String]) -> Result<(), Error> {
        let params = Params::default().list("InstanceId", ids);
        match self.ec2("TerminateInstances", params).await {
            // One unknown id makes the whole call fail.
            Err(error) if gone(&error) && ids.len() > 1 => {
                for id in ids {
                    match self.ec2("TerminateInstances", Params::default().list("InstanceId", [id])).await {
                        Err(error) if !gone(&error) => return Err(error),
                        _ => {}
                    }
                }
                Ok(())
            }
            Err(error) if gone(&error) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Stops a machine so that it can be started again.
    ///
    /// # Errors
    /// When Amazon refuses.
    pub async fn stop_instance(&self, id: &str) -> Result<(), Error> {
        self.ec2("StopInstances", Params::default().list("InstanceId", [id])).await.map(drop)
    }

    /// Starts a stopped machine.
    ///
    /// # Errors
    /// When Amazon refuses; capacity is one of the reasons.
    pub async fn start_instance(&self, id: &str) -> Result<(), Error> {
        self.ec2("StartInstances", Params::default().list("InstanceId", [id])).await.map(drop)
    }

    /// Sets tags.
    ///
    /// # Errors
    /// When Amazon refuses.
    pub async fn set_tags(&self, id: &str, tags: &BTreeMap<String, String>) -> Result<(), Error> {
        let params = Params::default().list("ResourceId", [id]).tags("Tag", tags);
        self.ec2("CreateTags", params).await.map(drop)
    }

    /// Removes tags, whatever their values.
    ///
    /// # Errors
    /// When Amazon refuses.
    pub async fn remove_tags(&self, id: &str, keys: &[&str]) -> Result<(), Error> {
        let params = keys
            .iter()
            .zip(1..)
            .fold(Params::default().list("ResourceId", [id]), |params, (key, i): (_, u32)| {
                params.set(format!("Tag.{i}.Key"), key)
            });
        self.ec2("DeleteTags", params).await.map(drop)
    }

    /// Makes disks go with the machine: replacing a root volume loses the flag.
    ///
    /// # Errors
    /// When Amazon refuses.
    pub async fn end_disks_with_machine(&self, id: &str, devices: &[&str]) -> Result<(), Error> {
        let params = devices.iter().zip(1..).fold(
            Params::default().set("InstanceId", id),
            |params, (device, i): (_, u32)| {
                params
                    .set(format!("BlockDeviceMapping.{i}.DeviceName"), device)
                    .set(format!("BlockDeviceMapping.{i}.Ebs.DeleteOnTermination"), true)
            },
        );
        self.ec2("ModifyInstanceAttribute", params).await.map(drop)
    }
}

/// Whether a machine of that id is not known.
pub(crate) fn gone(error: &Error) -> bool {
    error.is("InvalidInstanceID.NotFound")
}

/// The machines an answer to a launch names.
pub(crate) fn launched(action: &str, answer: &Element) -> Result<Vec<Instance>, Error> {
    let found: Option<Vec<_>> = answer.items("instancesSet").map(Instance::read).collect();
    found.filter(|found| !found.is_empty()).ok_or_else(|| incomplete(action))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_cannot_be_read_is_not_left_out() {
        let answer = |state: &str| {
            let xml = format!(
                "<r><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><instanceState>\
                 <name>{state}</name></instanceState></item></instancesSet></item></reservationSet></r>"
            );
            crate::xml::parse(xml.as_bytes()).unwrap()
        };
        assert_eq!(page(&answer("running")).unwrap().len(), 1);
        assert_eq!(page(&answer("dancing")), None);
        assert_eq!(page(&crate::xml::parse(b"<html/>").unwrap()), None, "an answer of somebody else");
    }

    #[test]
    fn a_machine_is_read_with_disks_tags_and_reason() {
        let xml = "<item><instanceId>i-1</instanceId><imageId>ami-1</imageId><instanceState><code>48</code>\
            <name>terminated</name></instanceState><reason>old words</reason><instanceType>m7i.large</instanceType>\
            <launchTime>2026-01-01T10:00:00.000Z</launchTime><placement><availabilityZone>us-east-1a</availabilityZone>\
            </placement><instanceLifecycle>spot</instanceLifecycle><stateReason><code>Server.SpotInstanceTermination</code>\
            <message>Server.SpotInstanceTermination: gone</message></stateReason><blockDeviceMapping><item>\
            <deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-1</volumeId><deleteOnTermination>false</deleteOnTermination>\
            </ebs></item></blockDeviceMapping><tagSet><item><key>Name</key><value/></item></tagSet></item>";
        let instance = Instance::read(&crate::xml::parse(xml.as_bytes()).unwrap()).unwrap();
        assert!(instance.spot && !instance.state.is_there());
        assert_eq!(instance.state_reason.as_deref(), Some("Server.SpotInstanceTermination: gone"));
        assert_eq!(instance.tag("Name"), Some(""));
        assert!(!instance.disks[0].ends_with_machine);
        assert_eq!(instance.launched_at.unwrap().to_string(), "2026-01-01T10:00:00Z");
    }
}
