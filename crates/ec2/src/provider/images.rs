//! Which image and which subnets, asked once in a while.

use super::{Ec2Provider, config::kind_of, places::Place};
use crate::{Error, api::images::ImageInfo};
use jiff::SignedDuration;
use trunkline_fleet::{
    provider::{Image, MachineSpec},
    scale_config::Arch,
};

/// A new image of a name is used after at most this time.
const IMAGE_KEPT: SignedDuration = SignedDuration::from_mins(10);

impl Ec2Provider {
    /// The image of a machine; `None` leaves it to the launch template.
    pub(super) async fn image_of(&self, machine: &MachineSpec) -> Result<Option<ImageInfo>, Error> {
        let wanted =
            machine.image.as_ref().or_else(|| self.config().images.get(&kind_of(machine.os, machine.arch)));
        let Some(wanted) = wanted else { return Ok(None) };
        let key = format!("{wanted} {}", machine.arch.as_str());
        let now = self.now();
        if let Some((at, known)) = self.state().images.get(&key)
            && now.duration_since(*at) < IMAGE_KEPT
        {
            return Ok(Some(known.clone()));
        }
        let found = match wanted {
            Image::Id(id) => self.client().image(id).await?,
            Image::Named(ami) => {
                let owner = ami.owner.as_deref().unwrap_or("amazon");
                let arch = match machine.arch {
                    Arch::X64 => "x86_64",
                    Arch::Arm64 => "arm64",
                };
                let mut images = self.client().images_named(&ami.name, owner, arch).await?.into_iter();
                images.next().ok_or_else(|| {
                    let name = &ami.name;
                    Error::Config(format!(
                        "no available {arch} image of owner `{owner}` has a name like `{name}`"
                    ))
                })?
            }
        };
        self.state().images.insert(key, (now, found.clone()));
        Ok(Some(found))
    }

    /// The subnets with their zones.
    pub(super) async fn places(&self) -> Result<&[Place], Error> {
        let places = self.inner.places.get_or_try_init(|| async {
            let subnets = self.client().subnets(&self.config().subnets).await?;
            Ok::<_, Error>(subnets.into_iter().map(|s| Place { subnet: s.id, zone: s.zone }).collect())
        });
        places.await.map(Vec::as_slice)
    }
}
