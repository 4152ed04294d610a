//! Launch templates: `CreateFleet` takes nothing else.

use super::{Filter, incomplete, launch::LaunchData};
use crate::{Client, Error, query::Params};

/// A launch template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Version that `$Default` means.
    pub default_version: String,
}

/// What of a template's version we must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateVersion {
    /// Its number.
    pub version: String,
    /// Image.
    pub image: Option<String>,
    /// Whether machines see their tags in their metadata.
    pub metadata_tags: bool,
    /// Whether metadata asks for a token.
    pub metadata_token: bool,
}

impl Client {
    /// Makes a template; when the name is taken, the one that has it. Names are made from the content, so it is
    /// the same.
    ///
    /// # Errors
    /// When Amazon refuses.
    pub async fn ensure_template(&self, name: &str, data: &LaunchData) -> Result<Template, Error> {
        let action = "CreateLaunchTemplate";
        let params = Params::default()
            .set("LaunchTemplateName", name)
            .set("ClientToken", name)
            .under("LaunchTemplateData", data.params(None));
        match self.ec2(action, params).await {
            Ok(answer) => answer.child("launchTemplate").and_then(read).ok_or_else(|| incomplete(action)),
            Err(error) if error.is("InvalidLaunchTemplateName.AlreadyExistsException") => {
                self.template(name).await?.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The template of that name.
    ///
    /// # Errors
    /// When Amazon does not say.
    pub async fn template(&self, name: &str) -> Result<Option<Template>, Error> {
        let params = Params::default().filters(&[Filter::new("launch-template-name", [name])]);
        let found = self
            .pages("DescribeLaunchTemplates", params, |answer| {
                answer.items("launchTemplates").map(read).collect()
            })
            .await?;
        Ok(found.into_iter().find(|template| template.name == name))
    }

    /// One version of a template.
    ///
    /// # Errors
    /// When Amazon does not say, or there is none.
    pub async fn template_version(
        &self,
        template: &super::launch::TemplateRef,
    ) -> Result<TemplateVersion, Error> {
        let action = "DescribeLaunchTemplateVersions";
        let kind =
            if template.template.starts_with("lt-") { "LaunchTemplateId" } else { "LaunchTemplateName" };
        let params = Params::default()
            .set(kind, &template.template)
            .list("LaunchTemplateVersion", [&template.version]);
        let answer = self.ec2(action, params).await?;
        let item = answer.items("launchTemplateVersionSet").next();
        let read = item.and_then(|item| {
            let data = item.child("launchTemplateData")?;
            Some(TemplateVersion {
                version: item.get("versionNumber")?.into(),
                image: data.get("imageId").map(str::to_owned),
                metadata_tags: data.get_at(&["metadataOptions", "instanceMetadataTags"]) == Some("enabled"),
                metadata_token: data.get_at(&["metadataOptions", "httpTokens"]) == Some("required"),
            })
        });
        read.ok_or_else(|| incomplete(action))
    }
}

fn read(item: &crate::xml::Element) -> Option<Template> {
    Some(Template {
        id: item.get("launchTemplateId")?.into(),
        name: item.get("launchTemplateName")?.into(),
        default_version: item.get("defaultVersionNumber").unwrap_or("1").into(),
    })
}
