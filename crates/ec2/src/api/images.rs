//! Images and subnets.

use super::Filter;
use crate::{Client, Error, query::Params, xml::Element};

/// A machine image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageInfo {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// When it was made; sorts as text.
    pub created: String,
    /// Device of its root disk.
    pub root_device: String,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Id.
    pub id: String,
    /// Zone.
    pub zone: String,
    /// Addresses left.
    pub free_addresses: u32,
}

fn image(item: &Element) -> Option<ImageInfo> {
    Some(ImageInfo {
        id: item.get("imageId")?.into(),
        name: item.get("name").unwrap_or_default().into(),
        created: item.get("creationDate").unwrap_or_default().into(),
        root_device: item.get("rootDeviceName").unwrap_or("/dev/xvda").into(),
    })
}

impl Client {
    /// Images of an owner (`amazon`, `self` or an account) whose name fits, newest first.
    ///
    /// # Errors
    /// When Amazon does not say.
    pub async fn images_named(&self, name: &str, owner: &str, arch: &str) -> Result<Vec<ImageInfo>, Error> {
        let filters = [
            Filter::new("name", [name]),
            Filter::new("state", ["available"]),
            Filter::new("architecture", [arch]),
        ];
        let params = Params::default().list("Owner", [owner]).filters(&filters);
        let mut found = self
            .pages("DescribeImages", params, |answer| answer.items("imagesSet").map(image).collect())
            .await?;
        found.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| b.id.cmp(&a.id)));
        Ok(found)
    }

    /// One image.
    ///
    /// # Errors
    /// When there is none, or Amazon does not say.
    pub async fn image(&self, id: &str) -> Result<ImageInfo, Error> {
        let params = Params::default().list("ImageId", [id]);
        let found = self
            .pages("DescribeImages", params, |answer| answer.items("imagesSet").map(image).collect())
            .await?;
        let none =
            || Error::refused("DescribeImages", 400, "InvalidAMIID.NotFound", &format!("no image `{id}`"));
        found.into_iter().next().ok_or_else(none)
    }

    /// Subnets by id.
    ///
    /// # Errors
    /// When one of them does not exist, or Amazon does not say.
    pub async fn subnets(&self, ids: &[String]) -> Result<Vec<Subnet>, Error> {
        let params = Params::default().list("SubnetId", ids);
        self.pages("DescribeSubnets", params, |answer| {
            let subnet = |item: &Element| {
                Some(Subnet {
                    id: item.get("subnetId")?.into(),
                    zone: item.get("availabilityZone")?.into(),
                    free_addresses: item
                        .get("availableIpAddressCount")
                        .and_then(|n| n.parse().ok())
                        .unwrap_or(0),
                })
            };
            answer.items("subnetSet").map(subnet).collect()
        })
        .await
    }
}
