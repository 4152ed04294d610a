//! The provider against a whole cloud. What moto cannot do (capacity, quotas, silence) is done by [`amazon`].

#![expect(clippy::unwrap_used, reason = "helpers of tests; a test that cannot go on ends")]

/// A cloud, or the end of the test when the tools are not here.
macro_rules! new_cloud {
    () => {
        match crate::cloud::Cloud::new().await {
            Some(cloud) => cloud,
            None => return,
        }
    };
}

mod amazon;
mod cloud;
mod launching;
mod living;
mod names;
mod recycling;
mod refusals;

use cloud::Cloud;

#[tokio::test]
async fn machines_keep_the_contract() {
    let cloud: Cloud = new_cloud!();
    let mut config = cloud.config();
    config.max_machines = Some(3);
    trunkline_fleet::provider::contract::check(&cloud.provider(config), 3).await.unwrap();
}
