//! Names of variants.

/// Prefixes of whole fleets, longest first: `lf.c.` must be tried before `lf.`.
const FLEET_PREFIXES: [&str; 3] = ["lf.c.", "lf.", "c."];

/// The name of variant `variant` of type `base`: the variant stands after the fleet's prefix.
pub(super) fn variant_name(base: &str, variant: &str) -> String {
    for prefix in FLEET_PREFIXES {
        if let Some(rest) = base.strip_prefix(prefix) {
            return format!("{prefix}{variant}.{rest}");
        }
    }
    format!("{variant}.{base}")
}

#[cfg(test)]
mod tests {
    use super::variant_name;

    #[test]
    fn the_variant_stands_after_the_fleet_prefix() {
        for (base, name) in [
            ("lf.c.linux.large", "lf.c.v.linux.large"),
            ("lf.linux.large", "lf.v.linux.large"),
            ("c.linux.large", "c.v.linux.large"),
            ("linux.large", "v.linux.large"),
            ("lfc.linux", "v.lfc.linux"),
        ] {
            assert_eq!(variant_name(base, "v"), name);
        }
    }
}
