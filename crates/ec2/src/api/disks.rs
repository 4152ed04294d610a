//! Volumes: finding forgotten ones, and giving a machine a clean root.

use super::{Filter, incomplete};
use crate::{Client, Error, query::Params, xml::Element};
use jiff::Timestamp;

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Id.
    pub id: String,
    /// `available` when no machine has it.
    pub status: String,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

impl Client {
    /// Volumes that fit all filters.
    ///
    /// # Errors
    /// When a page fails.
    pub async fn volumes(&self, filters: &[Filter]) -> Result<Vec<Volume>, Error> {
        let params = Params::default().set("MaxResults", 500).filters(filters);
        self.pages("DescribeVolumes", params, |answer| {
            let volume = |item: &Element| {
                Some(Volume {
                    id: item.get("volumeId")?.into(),
                    status: item.get("status").unwrap_or_default().into(),
                    created_at: item.get("createTime").and_then(|time| time.parse().ok()),
                })
            };
            answer.items("volumeSet").map(volume).collect()
        })
        .await
    }

    /// Deletes a volume; one that is gone does not matter.
    ///
    /// # Errors
    /// When Amazon refuses.
    pub async fn delete_volume(&self, id: &str) -> Result<(), Error> {
        match self.ec2("DeleteVolume", Params::default().set("VolumeId", id)).await {
            Err(error) if error.is("InvalidVolume.NotFound") => Ok(()),
            other => other.map(drop),
        }
    }

    /// Restarts a running machine on a root disk as it was at launch; the old one is deleted.
    ///
    /// # Errors
    /// When Amazon refuses.
    pub async fn replace_root(&self, instance: &str, token: &str) -> Result<(), Error> {
        let params = Params::default()
            .set("InstanceId", instance)
            .set("ClientToken", token)
            .set("DeleteReplacedRootVolume", true);
        let answer = self.ec2("CreateReplaceRootVolumeTask", params).await?;
        match answer.get_at(&["replaceRootVolumeTask", "replaceRootVolumeTaskId"]) {
            Some(_) => Ok(()),
            None => Err(incomplete("CreateReplaceRootVolumeTask")),
        }
    }

    /// State of the last replacement of a machine's root: `pending`, `in-progress`, `succeeded`, `failed`…
    ///
    /// # Errors
    /// When Amazon does not say.
    pub async fn root_replacement(&self, instance: &str) -> Result<Option<String>, Error> {
        let params = Params::default().filters(&[Filter::new("instance-id", [instance])]);
        let mut tasks = self
            .pages("DescribeReplaceRootVolumeTasks", params, |answer| {
                let task = |item: &Element| {
                    Some((
                        item.get("startTime").unwrap_or_default().to_owned(),
                        item.get("taskState")?.to_owned(),
                    ))
                };
                answer.items("replaceRootVolumeTaskSet").map(task).collect()
            })
            .await?;
        tasks.sort();
        Ok(tasks.pop().map(|(_, state)| state))
    }
}
