//! What every provider must do, as a check that runs against any of them.

use super::{Error, ErrorClass, LaunchSpec, Provider};
use secrecy::SecretString;
use trunkline_model::{Rng, RunnerName};

/// A promise that a provider broke.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// A call failed that must not.
    #[error("provider call failed in `{step}`")]
    Call {
        /// Where.
        step: &'static str,
        /// Why.
        #[source]
        source: Error,
    },
    /// A call answered something else than promised.
    #[error("`{step}`: expected {expected}, found {found}")]
    Answer {
        /// Where.
        step: &'static str,
        /// The promise.
        expected: String,
        /// The answer.
        found: String,
    },
}

fn must<T>(step: &'static str, result: Result<T, Error>) -> Result<T, Broken> {
    result.map_err(|source| Broken::Call { step, source })
}

fn equal<T: PartialEq + std::fmt::Debug>(step: &'static str, expected: &T, found: &T) -> Result<(), Broken> {
    if expected == found {
        return Ok(());
    }
    Err(Broken::Answer { step, expected: format!("{expected:?}"), found: format!("{found:?}") })
}

async fn listed(provider: &dyn Provider) -> Result<Vec<RunnerName>, Broken> {
    let machines = must("list", provider.list().await)?;
    let mut names: Vec<_> = machines.into_iter().map(|machine| machine.name).collect();
    names.sort();
    Ok(names)
}

/// Checks an empty provider whose runners stay until they are stopped and which runs at most `limit` (from 1)
/// at once. It is empty again afterwards.
///
/// # Errors
/// The first broken promise.
pub async fn check(provider: &dyn Provider, limit: u32) -> Result<(), Broken> {
    let mut rng = Rng::from_seed(7);
    let names: Vec<RunnerName> =
        (0..=limit).filter_map(|i| format!("contract-{}-{i}", rng.hex(6)).parse().ok()).collect();
    let order = |name: &RunnerName| LaunchSpec {
        name: name.clone(),
        runner_type: "linux.large".into(),
        labels: vec![],
        jit_config: SecretString::from("c2VjcmV0".to_owned()),
        runner_id: None,
        machine: crate::provider::MachineSpec::default(),
    };
    let limit = limit as usize;

    equal("starts empty", &vec![], &listed(provider).await?)?;

    let orders: Vec<_> = names.iter().take(limit).map(order).collect();
    let answers = provider.launch(&orders).await;
    equal("one answer for each order", &limit, &answers.len())?;
    let mut ids = vec![];
    for (answer, name) in answers.into_iter().zip(&names) {
        let machine = must("launch", answer)?;
        equal("machine has the runner's name", name, &machine.name)?;
        ids.push(machine.id);
    }
    let mut expected: Vec<_> = names.iter().take(limit).cloned().collect();
    expected.sort();
    equal("all are listed", &expected, &listed(provider).await?)?;

    let again = provider.launch(&orders[..1]).await;
    let again = must("launch again", again.into_iter().next().unwrap_or_else(missing))?;
    equal("launching a name twice gives one machine", &ids[0], &again.id)?;
    equal("and no second one", &expected, &listed(provider).await?)?;

    let over = provider.launch(&[order(&names[limit])]).await;
    match over.into_iter().next().unwrap_or_else(missing) {
        Err(error) if matches!(error.class, ErrorClass::Quota | ErrorClass::Capacity) => {}
        other => {
            let (expected, found) = ("a quota or capacity error".into(), format!("{other:?}"));
            return Err(Broken::Answer { step: "over the limit", expected, found });
        }
    }

    must("terminate", provider.terminate(&names[0]).await)?;
    must("terminate again", provider.terminate(&names[0]).await)?;
    must("terminate a stranger", provider.terminate(&names[limit]).await)?;
    expected.retain(|name| *name != names[0]);
    equal("the stopped one is gone", &expected, &listed(provider).await?)?;

    for name in &names {
        must("terminate", provider.terminate(name).await)?;
    }
    equal("ends empty", &vec![], &listed(provider).await?)
}

fn missing<T>() -> Result<T, Error> {
    Err(Error::new(ErrorClass::Config, "no answer for an order"))
}
