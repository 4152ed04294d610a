//! What Amazon plans to do to machines: spot interruptions and scheduled events.

use super::Filter;
use crate::{Client, Error, query::Params, xml::Element};

/// A machine that will be taken away or restarted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The machine.
    pub instance: String,
    /// Amazon's code, such as `marked-for-termination` or `instance-retirement`.
    pub code: String,
    /// Amazon's words.
    pub message: String,
}

impl Client {
    /// Spot machines that are about to be taken away.
    ///
    /// # Errors
    /// When a page fails.
    pub async fn spot_warnings(&self) -> Result<Vec<Warning>, Error> {
        let filters = [
            Filter::new("state", ["active"]),
            Filter::new("status-code", ["marked-for-termination", "marked-for-stop"]),
        ];
        let params = Params::default().set("MaxResults", 500).filters(&filters);
        self.pages("DescribeSpotInstanceRequests", params, |answer| {
            let warning = |item: &Element| {
                let status = item.child("status");
                let code = status.and_then(|status| status.get("code")).unwrap_or_default();
                let message = status.and_then(|status| status.get("message")).unwrap_or_default();
                // A server that does not know the filter answers more than was asked for.
                let marked = code.starts_with("marked-for-");
                let instance = item.get("instanceId").filter(|_| marked)?;
                Some(Warning { instance: instance.into(), code: code.into(), message: message.into() })
            };
            Some(answer.items("spotInstanceRequestSet").filter_map(warning).collect())
        })
        .await
    }

    /// Machines with a scheduled event that is not over.
    ///
    /// # Errors
    /// When a page fails.
    pub async fn scheduled_events(&self) -> Result<Vec<Warning>, Error> {
        let codes = [
            "instance-reboot",
            "instance-retirement",
            "instance-stop",
            "system-maintenance",
            "system-reboot",
        ];
        let params = Params::default().set("MaxResults", 500).filters(&[Filter::new("event.code", codes)]);
        self.pages("DescribeInstanceStatus", params, |answer| {
            let event = |item: &Element| {
                // Past events stay in the list for a week.
                let event = item.items("eventsSet").find(|event| {
                    event.get("description").is_some_and(|text| {
                        !text.starts_with("[Completed]") && !text.starts_with("[Canceled]")
                    })
                })?;
                Some(Warning {
                    instance: item.get("instanceId")?.into(),
                    code: event.get("code")?.into(),
                    message: event.get("description")?.into(),
                })
            };
            Some(answer.items("instanceStatusSet").filter_map(event).collect())
        })
        .await
    }
}
