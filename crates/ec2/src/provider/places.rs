//! Where to try next: pure.

use crate::Error;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use trunkline_fleet::provider::{self, Capacity, ErrorClass, MachineSpec};
use trunkline_model::Rng;

/// A subnet with its zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) subnet: String,
    pub(crate) zone: String,
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Attempt {
    pub(crate) spot: bool,
    pub(crate) instance_type: String,
    pub(crate) subnet: String,
    pub(crate) zone: String,
}

/// All tries of an order, best first: spot before its fallback, types in their order, the zone with the fewest
/// machines of the fleet first, and by chance where zones are equal.
pub(crate) fn attempts(
    machine: &MachineSpec,
    places: &[Place],
    load: &BTreeMap<String, usize>,
    rng: &mut Rng,
) -> Vec<Attempt> {
    let kinds: &[bool] = match machine.capacity {
        Capacity::OnDemand => &[false],
        Capacity::Spot { fallback: false } => &[true],
        Capacity::Spot { fallback: true } => &[true, false],
    };
    let fits = |place: &&Place| machine.zones.is_empty() || machine.zones.contains(&place.zone);
    let mut places: Vec<(usize, u64, &Place)> = places
        .iter()
        .filter(fits)
        .map(|place| (load.get(&place.zone).copied().unwrap_or(0), rng.u64(), place))
        .collect();
    places.sort_by_key(|(load, chance, _)| (*load, *chance));
    let mut tries = vec![];
    for &spot in kinds {
        for instance_type in &machine.instance_types {
            for (_, _, place) in &places {
                tries.push(Attempt {
                    spot,
                    instance_type: instance_type.clone(),
                    subnet: place.subnet.clone(),
                    zone: place.zone.clone(),
                });
            }
        }
    }
    tries
}

/// Places that had no capacity a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Cooling(HashMap<(bool, String, String), Timestamp>);

impl Cooling {
    /// Leaves a place alone until then.
    pub(crate) fn cool(
        &mut self,
        spot: bool,
        instance_type: &str,
        zone: &str,
        now: Timestamp,
        until: Timestamp,
    ) {
        self.0.retain(|_, end| *end > now);
        self.0.insert((spot, instance_type.to_owned(), zone.to_owned()), until);
    }

    /// Until when a try would be in vain.
    pub(crate) fn until(&self, attempt: &Attempt, now: Timestamp) -> Option<Timestamp> {
        let key = (attempt.spot, attempt.instance_type.clone(), attempt.zone.clone());
        self.0.get(&key).copied().filter(|end| *end > now)
    }
}

/// What a refusal means for the tries that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try the next place.
    Place,
    /// No place will do for this type.
    Type,
    /// No type will do for this way to pay.
    Kind,
    /// No try will do, or one may have worked: the same order comes again.
    Stop,
}

pub(crate) fn after(error: &Error) -> Next {
    if error.outcome_unknown() {
        return Next::Stop;
    }
    let code = error.code().unwrap_or_default();
    match error.class() {
        ErrorClass::Capacity => Next::Place,
        ErrorClass::Quota if code.starts_with("MaxSpot") => Next::Kind,
        ErrorClass::Quota if matches!(code, "VcpuLimitExceeded" | "InstanceLimitExceeded") => Next::Type,
        // A subnet that was deleted leaves the others.
        ErrorClass::Config if code.starts_with("InvalidSubnet") => Next::Place,
        _ => Next::Stop,
    }
}

/// Whether a try is left out after a refusal of another.
pub(crate) fn skipped(next: Next, refused: &Attempt, other: &Attempt) -> bool {
    match next {
        Next::Place => refused == other,
        Next::Type => refused.spot == other.spot && refused.instance_type == other.instance_type,
        Next::Kind => refused.spot == other.spot,
        Next::Stop => true,
    }
}

/// One answer for many refusals: what can pass by itself wins, and every code is counted.
pub(crate) fn summary(runner_type: &str, errors: &[Error]) -> provider::Error {
    let [.., last] = errors else {
        let message = format!("no subnet of this provider is in a zone that `{runner_type}` may use");
        return provider::Error::new(ErrorClass::Config, message);
    };
    if errors.len() == 1 || after(last) == Next::Stop {
        return provider::Error::new(last.class(), format!("`{runner_type}`: {last}"));
    }
    let class = [ErrorClass::Capacity, ErrorClass::Quota]
        .into_iter()
        .find(|class| errors.iter().any(|error| error.class() == *class))
        .unwrap_or_else(|| last.class());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for error in errors {
        *counts.entry(error.code().unwrap_or("no answer")).or_default() += 1;
    }
    let counts: Vec<_> = counts.iter().map(|(code, count)| format!("{count} × {code}")).collect();
    let message =
        format!("`{runner_type}`: refused at {} places ({}); last: {last}", errors.len(), counts.join(", "));
    provider::Error::new(class, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::any, prop_assert, prop_assert_eq, proptest};

    fn places() -> Vec<Place> {
        ["a", "b", "c", "a"]
            .iter()
            .enumerate()
            .map(|(i, zone)| Place { subnet: format!("subnet-{i}"), zone: (*zone).into() })
            .collect()
    }

    fn machine(capacity: Capacity) -> MachineSpec {
        MachineSpec { instance_types: vec!["big".into(), "small".into()], capacity, ..MachineSpec::default() }
    }

    #[test]
    fn spot_comes_before_its_fallback_types_in_order_and_idle_zones_first() {
        let load = BTreeMap::from([("a".to_owned(), 5), ("b".to_owned(), 1)]);
        let tries =
            attempts(&machine(Capacity::Spot { fallback: true }), &places(), &load, &mut Rng::from_seed(1));
        let shown: Vec<_> = tries
            .iter()
            .map(|t| format!("{}{} {}", if t.spot { "spot " } else { "" }, t.instance_type, t.zone))
            .collect();
        assert_eq!(
            shown,
            [
                "spot big c",
                "spot big b",
                "spot big a",
                "spot big a",
                "spot small c",
                "spot small b",
                "spot small a",
                "spot small a",
                "big c",
                "big b",
                "big a",
                "big a",
                "small c",
                "small b",
                "small a",
                "small a",
            ]
        );
    }

    #[test]
    fn equal_zones_are_tried_by_chance_and_equal_seeds_alike() {
        let first = |seed| {
            let tries = attempts(
                &machine(Capacity::OnDemand),
                &places(),
                &BTreeMap::new(),
                &mut Rng::from_seed(seed),
            );
            tries[0].subnet.clone()
        };
        assert_eq!(first(3), first(3));
        let different: std::collections::BTreeSet<_> = (0..50).map(first).collect();
        assert_eq!(different.len(), 4);
    }

    #[test]
    fn a_refusal_says_how_far_to_go() {
        let refused = |code: &str| Error::refused("RunInstances", 400, code, "no");
        for (code, next) in [
            ("InsufficientInstanceCapacity", Next::Place),
            ("Unsupported", Next::Place),
            ("InsufficientFreeAddressesInSubnet", Next::Place),
            ("InvalidSubnetID.NotFound", Next::Place),
            ("VcpuLimitExceeded", Next::Type),
            ("MaxSpotInstanceCountExceeded", Next::Kind),
            ("VolumeLimitExceeded", Next::Stop),
            ("RequestLimitExceeded", Next::Stop),
            ("UnauthorizedOperation", Next::Stop),
            ("InvalidAMIID.NotFound", Next::Stop),
        ] {
            assert_eq!(after(&refused(code)), next, "{code}");
        }
        assert_eq!(after(&Error::unanswered("RunInstances", "timed out")), Next::Stop);
    }

    #[test]
    fn many_refusals_become_one_sentence() {
        let refused = |code: &str| Error::refused("RunInstances", 400, code, "none here");
        let errors = [
            refused("VcpuLimitExceeded"),
            refused("InsufficientInstanceCapacity"),
            refused("InvalidSubnetID.NotFound"),
        ];
        let error = summary("linux.large", &errors);
        assert_eq!(error.class, ErrorClass::Capacity);
        insta::assert_snapshot!(error, @"`linux.large`: refused at 3 places (1 × InsufficientInstanceCapacity, 1 × InvalidSubnetID.NotFound, 1 × VcpuLimitExceeded); last: RunInstances refused: InvalidSubnetID.NotFound: none here (capacity)");
        assert_eq!(summary("x", &[]).class, ErrorClass::Config);
    }

    #[test]
    fn a_place_without_capacity_is_left_alone_for_a_while() {
        let now = Timestamp::from_second(1000).unwrap();
        let later = Timestamp::from_second(1060).unwrap();
        let tries =
            attempts(&machine(Capacity::OnDemand), &places(), &BTreeMap::new(), &mut Rng::from_seed(1));
        let mut cooling = Cooling::default();
        cooling.cool(false, "big", &tries[0].zone, now, later);
        assert_eq!(cooling.until(&tries[0], now), Some(later));
        assert_eq!(cooling.until(&tries[0], later), None);
        assert_eq!(cooling.until(&Attempt { spot: true, ..tries[0].clone() }, now), None);
    }

    proptest! {
        #[test]
        fn every_place_is_tried_once_for_each_type(
            seed in any::<u64>(),
            loads in proptest::collection::vec(0_usize..5, 3),
        ) {
            let load = ["a", "b", "c"].iter().map(|z| (*z).to_owned()).zip(loads).collect();
            let tries = attempts(&machine(Capacity::OnDemand), &places(), &load, &mut Rng::from_seed(seed));
            let unique: std::collections::HashSet<_> = tries.iter().collect();
            prop_assert_eq!((tries.len(), unique.len()), (8, 8));
            let order: Vec<_> = tries[..4].iter().map(|t| load.get(&t.zone).copied().unwrap_or(0)).collect();
            prop_assert!(order.is_sorted());
        }
    }
}
