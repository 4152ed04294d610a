//! Who works on the invented project and what they write: names, titles, comments. All invented.

use trunkline_model::{PrNumber, Rng};

/// An invented contributor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// Full name.
    pub name: &'static str,
    /// Login.
    pub login: &'static str,
}

impl Person {
    /// An address under the reserved domain.
    pub fn email(&self) -> String {
        format!("{}@example.com", self.login)
    }
}

/// The project's bot: merges, reverts, re-runs.
pub const BOT: Person = Person { name: "torchlite merge bot", login: "torchlite-mergebot" };

const PEOPLE: &[Person] = &[
    Person { name: "Amara Lindqvist", login: "amaralq" },
    Person { name: "Bo Takeda", login: "bo-takeda" },
    Person { name: "Chidi Varga", login: "cvarga" },
    Person { name: "Daria Okonkwo", login: "dokonkwo" },
    Person { name: "Elif Saarinen", login: "elif-s" },
    Person { name: "Farid Monteiro", login: "fmonteiro" },
    Person { name: "Greta Wanjiru", login: "gwanjiru" },
    Person { name: "Hugo Petrosyan", login: "hpetro" },
    Person { name: "Imani Kowalczyk", login: "imanik" },
    Person { name: "Jonas Adeyemi", login: "jadeyemi" },
    Person { name: "Keiko Ferreira", login: "keikof" },
    Person { name: "Luca Bjornstad", login: "lucabj" },
    Person { name: "Mina Achterberg", login: "mina-ab" },
    Person { name: "Noor Castellan", login: "noorcast" },
    Person { name: "Oskar Nakagawa", login: "onakagawa" },
    Person { name: "Priya Halvorsen", login: "phalvorsen" },
    Person { name: "Quentin Mbeki", login: "qmbeki" },
    Person { name: "Rosa Eklund", login: "reklund" },
    Person { name: "Sven Papadakis", login: "spapadakis" },
    Person { name: "Tala Ruiz-Novak", login: "talarn" },
];

const AREAS: &[&str] = &[
    "Inductor",
    "Dynamo",
    "AOTDispatch",
    "MPS",
    "CUDA",
    "CPU",
    "Quant",
    "Export",
    "Distributed",
    "FSDP2",
    "DTensor",
    "Autograd",
    "Sparse",
    "Nested tensor",
    "C10",
    "Docs",
    "BE",
    "CI",
    "ROCm",
    "XPU",
    "Profiler",
    "ONNX",
];

const DOINGS: &[&str] = &[
    "Fix {thing} for zero-sized inputs",
    "Add support for {thing} with dynamic shapes",
    "Remove unused code path in {thing}",
    "Speed up {thing} by avoiding a copy",
    "Do not recompile when {thing} only changes strides",
    "Make {thing} deterministic",
    "Handle negative dims in {thing}",
    "Improve the error message of {thing}",
    "Cache guards of {thing}",
    "Use structured bindings in {thing}",
    "Fix a leak in {thing} on exception",
    "Support bfloat16 in {thing}",
    "Test {thing} under fake tensors",
    "Move {thing} out of the header",
    "Type-annotate {thing}",
    "Enable {thing} on Python 3.14",
];

const THINGS: &[&str] = &[
    "scatter_reduce",
    "the flex attention kernel",
    "index_put_",
    "group norm",
    "the caching allocator",
    "as_strided",
    "reduce_scatter_tensor",
    "the pattern matcher",
    "cond",
    "SymInt arithmetic",
    "interpolate",
    "the process group",
    "addmm_activation",
    "cumsum",
    "the loop scheduler",
    "state_dict hooks",
    "pinned memory",
    "random number offsets",
    "sort with stable=True",
    "the guard manager",
    "embedding_bag",
    "linalg.solve",
    "the event cache",
];

/// Somebody of the project.
pub fn person(rng: &mut Rng) -> Person {
    rng.pick(PEOPLE).copied().unwrap_or(BOT)
}

/// A title as people write it, without a number: `[Inductor] Fix cumsum for zero-sized inputs`.
pub fn title(rng: &mut Rng) -> String {
    let area = rng.pick(AREAS).copied().unwrap_or("BE");
    let doing = rng.pick(DOINGS).copied().unwrap_or("Fix {thing}");
    let thing = rng.pick(THINGS).copied().unwrap_or("cumsum");
    let text = doing.replace("{thing}", thing);
    if rng.chance(0.7) { format!("[{area}] {text}") } else { text }
}

/// What a squash merge makes of a title and a number.
pub fn merged_title(title: &str, number: PrNumber) -> String {
    format!("{title} (#{number})")
}

/// Title of a revert of a merged commit's title.
pub fn revert_title(merged: &str) -> String {
    format!("Revert \"{merged}\"")
}

/// Body of a merged commit.
pub fn merged_body(title: &str, number: PrNumber, repo: &str, approver: Person) -> String {
    format!(
        "{title}\n\nPull Request resolved: https://github.com/{repo}/pull/{number}\nApproved by: https://github.com/{}\n",
        approver.login
    )
}

/// Body of a revert, with the sentence that people and tools look for.
pub fn revert_body(merged: &str, sha: &str, by: Person) -> String {
    format!(
        "{}\n\nThis reverts commit {sha}.\n\nReverted on behalf of https://github.com/{} due to broken trunk\n",
        revert_title(merged),
        by.login
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_their_form() {
        let merged = merged_title("[CI] Fix cumsum", PrNumber(7));
        assert_eq!(merged, "[CI] Fix cumsum (#7)");
        assert_eq!(revert_title(&merged), "Revert \"[CI] Fix cumsum (#7)\"");
        let mut rng = Rng::from_seed(3);
        for _ in 0..200 {
            let title = title(&mut rng);
            assert!(!title.contains('{') && title.len() < 100, "{title}");
        }
    }
}
