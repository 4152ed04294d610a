//! `[fleet.ec2]`: machines from Amazon EC2.

use super::reader::Section;
use std::collections::BTreeMap;
use trunkline_ec2::{
    Ec2Config,
    api::launch::TemplateRef,
    provider::{Reuse, SpotApi},
};
use trunkline_fleet::{provider::Image, scale_config::Ami};
use url::Url;

/// Where and how to ask, and the provider's settings.
#[derive(Debug, Clone)]
pub(crate) struct Ec2 {
    /// Region, such as `us-east-1`.
    pub(crate) region: String,
    /// Address of all services, when not Amazon's own.
    pub(crate) endpoint: Option<Url>,
    /// The provider's settings.
    pub(crate) provider: Ec2Config,
}

const KINDS: [&str; 6] = [
    "linux-x64",
    "linux-arm64",
    "windows-x64",
    "linux-x64-nvidia",
    "linux-arm64-nvidia",
    "windows-x64-nvidia",
];

pub(super) fn read(section: &mut Section<'_>) -> Ec2 {
    let region = section.text("region");
    if region.is_none() {
        section.missing("region", "a region such as `us-east-1`", "add `region = \"us-east-1\"`");
    }
    let environment = section.text("environment");
    if environment.is_none() {
        section.missing(
            "environment",
            "the fleet's name: machines carry it as tag `Environment`, and machines with another are never touched",
            "add `environment = \"production\"`",
        );
    }
    let subnets = section.texts("subnets");
    let mut provider = Ec2Config::new(environment.clone().unwrap_or_else(|| "none".into()), subnets);
    provider.name = section.text("name").unwrap_or_else(|| "ec2".into());
    provider.deploy = section.text("deploy");
    provider.security_groups = section.texts("security_groups");
    provider.public_address = section.flag("public_address");
    provider.ipv6 = section.flag("ipv6").unwrap_or(false);
    provider.instance_profile = section.text("instance_profile");
    provider.metadata_hops =
        section.number("metadata_hops", 1..=64).and_then(|hops| u8::try_from(hops).ok()).unwrap_or(1);
    if let Some(prefix) = section.text("secret_prefix") {
        provider.secret_prefix = prefix;
    }
    provider.secret_key = section.text("secret_key");
    provider.max_machines = section.number("max_machines", 1..=100_000);
    provider.templates = templates(section);
    provider.images = images(section);
    let mut tags = section.section("tags");
    provider.tags = tags.all_texts();
    let start = &mut provider.start;
    let mut own = section.section("start");
    for (key, value) in [
        ("linux_folder", &mut start.linux_folder),
        ("linux_user", &mut start.linux_user),
        ("windows_folder", &mut start.windows_folder),
        ("linux_prepare", &mut start.linux_prepare),
    ] {
        if let Some(text) = own.text(key) {
            *value = text;
        }
    }
    start.wait_minutes = own.number("wait_minutes", 1..=1440).unwrap_or(start.wait_minutes);
    own.finish();
    if section.flag("spot_one_by_one").unwrap_or(false) {
        provider.spot_api = SpotApi::RunInstances;
    }
    provider.reuse = section.has("reuse").then(|| reuse(&mut section.section("reuse")));
    let endpoint = section.parsed::<Url>("endpoint", "an https address, or one of this machine");
    // What the provider itself refuses, once all keys are readable.
    if environment.is_some() {
        for problem in provider.problems() {
            let key =
                problem.split([' ', ':']).next().unwrap_or_default().split('.').next().unwrap_or_default();
            let key = if key == "tag" { "tags" } else { key };
            section.refuse(key, problem.clone(), "", "");
        }
    }
    section.finish();
    Ec2 { region: region.unwrap_or_default(), endpoint, provider }
}

/// Launch templates by kind: `{ linux-x64 = "lt-0123" }`, with `name:version` for a certain version.
fn templates(section: &mut Section<'_>) -> BTreeMap<String, TemplateRef> {
    let mut own = section.section("templates");
    let mut templates = BTreeMap::new();
    for kind in KINDS {
        if let Some(text) = own.text(kind) {
            let (template, version) = text.rsplit_once(':').unwrap_or((&text, "$Default"));
            templates.insert(kind.into(), TemplateRef { template: template.into(), version: version.into() });
        }
    }
    own.finish();
    templates
}

/// Images by kind: an id, or a name with `*` and an owner after a bar, as in the scale configuration.
fn images(section: &mut Section<'_>) -> BTreeMap<String, Image> {
    let mut own = section.section("images");
    let mut images = BTreeMap::new();
    for kind in KINDS {
        if let Some(text) = own.text(kind) {
            let image = if text.starts_with("ami-") {
                Image::Id(text)
            } else {
                let (name, owner) =
                    text.split_once('|').map_or((text.as_str(), None), |(name, owner)| (name, Some(owner)));
                Image::Named(Ami { name: name.into(), owner: owner.map(String::from) })
            };
            images.insert(kind.into(), image);
        }
    }
    own.finish();
    images
}

fn reuse(section: &mut Section<'_>) -> Reuse {
    let minutes = |minutes: u32| jiff::SignedDuration::from_mins(i64::from(minutes));
    let reuse = Reuse {
        keep: minutes(section.number("keep_minutes", 1..=10_080).unwrap_or(10)),
        max_age: minutes(section.number("max_age_minutes", 1..=100_800).unwrap_or(720)),
        max_spares: section.number("max_spares", 0..=10_000).unwrap_or(10) as usize,
    };
    section.finish();
    reuse
}
