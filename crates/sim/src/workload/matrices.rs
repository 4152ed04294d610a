//! The job list of the invented project, as data.
//!
//! One [`Matrix`] is a build and the sharded tests that it feeds; a matrix without tests is a single job. Job
//! names keep the form of real ones, because pages and rules read shards and runners out of them.

use super::catalogue::Kind;

/// One workflow: its name, on every how many trunk commits it runs, whether pull requests run it, its matrices.
pub(super) struct Workflow {
    pub(super) name: &'static str,
    pub(super) every: u32,
    pub(super) on_pulls: bool,
    pub(super) matrices: &'static [Matrix],
}

/// A job, and tests that start when it ended well.
pub(super) struct Matrix {
    /// Name of the called job, such as `linux-jammy-py3.10-gcc11`.
    pub(super) name: &'static str,
    /// Job in it: `build`, `linux-job`; empty for a job without a caller.
    pub(super) step: &'static str,
    pub(super) kind: Kind,
    pub(super) runner: &'static str,
    /// `(configuration, shards, runner)`.
    pub(super) tests: &'static [(&'static str, u32, &'static str)],
}

const fn build(
    name: &'static str,
    runner: &'static str,
    tests: &'static [(&'static str, u32, &'static str)],
) -> Matrix {
    Matrix { name, step: "build", kind: Kind::Build, runner, tests }
}

const fn single(name: &'static str, step: &'static str, kind: Kind, runner: &'static str) -> Matrix {
    Matrix { name, step, kind, runner, tests: &[] }
}

const HOSTED: &str = "ubuntu-24.04";
const L: &str = "linux.large";
const L2: &str = "linux.2xlarge";
const L4: &str = "linux.4xlarge";
const L12: &str = "linux.12xlarge";
const MEM: &str = "linux.24xlarge.memory";
const AMX: &str = "linux.8xlarge.amx";
const G4: &str = "linux.g4dn.12xlarge.nvidia.gpu";
const G5: &str = "linux.g5.4xlarge.nvidia.gpu";
const G6: &str = "linux.g6.4xlarge.experimental.nvidia.gpu";
const ARM2: &str = "linux.arm64.2xlarge";
const ARM4: &str = "linux.arm64.m7g.4xlarge";
const WIN: &str = "windows.4xlarge";
const WIN_GPU: &str = "windows.g4dn.xlarge";
const WIN_CANARY: &str = "wincanary.windows.4xlarge";
const MAC: &str = "macos-15-xlarge";

/// The whole project. Within a workflow the most telling matrices come first: smaller scales keep the head.
pub(super) const WORKFLOWS: &[Workflow] = &[
    Workflow { name: "Lint", every: 1, on_pulls: true, matrices: LINT },
    Workflow { name: "pull", every: 1, on_pulls: true, matrices: PULL },
    Workflow { name: "trunk", every: 1, on_pulls: false, matrices: TRUNK },
    Workflow { name: "inductor", every: 1, on_pulls: false, matrices: INDUCTOR },
    Workflow { name: "linux-aarch64", every: 1, on_pulls: false, matrices: AARCH64 },
    Workflow { name: "linux-binary-manywheel", every: 1, on_pulls: false, matrices: MANYWHEEL },
    Workflow { name: "windows-binary-wheel", every: 1, on_pulls: false, matrices: WINDOWS_WHEEL },
    Workflow { name: "dynamo-unittest", every: 1, on_pulls: false, matrices: DYNAMO },
    Workflow { name: "vllm-test", every: 1, on_pulls: false, matrices: VLLM },
    Workflow { name: "docker-builds", every: 1, on_pulls: false, matrices: DOCKER },
    Workflow { name: "slow", every: 3, on_pulls: false, matrices: SLOW },
    Workflow { name: "periodic", every: 5, on_pulls: false, matrices: PERIODIC },
];

const LINT: &[Matrix] = &[
    single("lintrunner-noclang", "linux-job", Kind::Lint, L2),
    single("lintrunner-clang", "linux-job", Kind::Lint, L4),
    single("quick-checks", "linux-job", Kind::Lint, L),
    single("workflow-checks", "linux-job", Kind::Lint, HOSTED),
    single("lintrunner-mypy", "linux-job", Kind::Lint, L2),
    single("toc", "linux-job", Kind::Lint, HOSTED),
    single("test-tools", "linux-job", Kind::Lint, HOSTED),
    single("link-check / lint-urls", "linux-job", Kind::Lint, HOSTED),
    single("link-check / lint-xrefs", "linux-job", Kind::Lint, HOSTED),
    single("test_collect_env (with_torchlite)", "", Kind::Lint, HOSTED),
    single("test_collect_env (without_torchlite)", "", Kind::Lint, HOSTED),
    single("test_collect_env (older_python_version)", "", Kind::Lint, HOSTED),
    single("pr-sanity-checks", "", Kind::Lint, HOSTED),
];

const PULL: &[Matrix] = &[
    build(
        "linux-jammy-py3.10-gcc11",
        L2,
        &[
            ("default", 5, L2),
            ("docs_test", 1, L2),
            ("jit_legacy", 1, L2),
            ("backwards_compat", 1, L2),
            ("distributed", 2, L2),
            ("numpy_2_x", 1, L2),
        ],
    ),
    build(
        "linux-jammy-cuda13.0-py3.10-gcc11",
        L12,
        &[("default", 5, G6), ("distributed", 3, G4), ("pr_time_benchmarks", 1, L2)],
    ),
    build(
        "linux-jammy-py3.12-clang18",
        L2,
        &[("default", 5, L4), ("crossref", 2, L2), ("dynamo_wrapped", 3, L2)],
    ),
    build("linux-jammy-py3.10-clang18-asan", L4, &[("default", 7, L4)]),
    single("linux-docs", "build-docs-python", Kind::Docs, L2),
    build(
        "linux-jammy-py3.14-clang18",
        L2,
        &[("default", 5, L4), ("crossref", 2, L2), ("dynamo_wrapped", 3, L2)],
    ),
    single("linux-docs", "build-docs-cpp", Kind::Docs, L12),
    build("linux-jammy-py3.10-gcc11-no-ops", L2, &[]),
    build("linux-jammy-py3-clang18-executorch", L2, &[("executorch", 1, L2)]),
    build("linux-jammy-py3-clang18-mobile", L2, &[]),
    build("linux-jammy-rocm-py3.10", L12, &[]),
    build("linux-jammy-xpu-n-py3.10", L12, &[]),
    build("linux-jammy-cuda13.0-cudnn9-py3.10-clang18", L12, &[]),
    build("linux-jammy-py3.10-clang18-onnx", L2, &[("onnx", 2, L4)]),
    single("bc-linter", "", Kind::Lint, HOSTED),
];

const TRUNK: &[Matrix] = &[
    build("win-vs2022-cpu-py3", WIN, &[("default", 4, WIN)]),
    build("macos-py3-arm64", MAC, &[("default", 3, MAC), ("mps", 1, MAC), ("openreg", 1, MAC)]),
    build(
        "linux-jammy-cuda12.8-py3.10-gcc11",
        L12,
        &[
            ("default", 5, G5),
            ("distributed", 3, G4),
            ("jit_legacy", 1, G5),
            ("nogpu_AVX512", 3, L4),
            ("nogpu_NO_AVX2", 2, L4),
        ],
    ),
    build("win-vs2022-cuda12.8-py3", WIN_CANARY, &[("default", 4, WIN_GPU), ("force_on_cpu", 1, WIN)]),
    build(
        "linux-jammy-py3.11-clang18",
        L2,
        &[("default", 5, L4), ("dynamo_core", 1, L2), ("dynamo_wrapped", 3, L2)],
    ),
    build("libtorch-linux-jammy-cuda12.8-py3.10-gcc11-debug", L12, &[]),
    build(
        "linux-jammy-py3.13-clang18",
        L2,
        &[("default", 5, L4), ("dynamo_core", 1, L2), ("dynamo_wrapped", 3, L2)],
    ),
    build("linux-jammy-cuda12.8-py3.10-gcc11-no-ops", L12, &[]),
    single("verify-cachebench-cpu", "test", Kind::Test, L2),
    build("linux-jammy-cuda13.0-py3.12-gcc11", L12, &[("default", 5, G5), ("distributed", 3, G4)]),
    build("linux-jammy-py3.10-gcc11-debug", L4, &[("default", 7, L4)]),
    build("linux-jammy-py3.10-clang18-tsan", L4, &[("default", 6, L4)]),
];

const INDUCTOR: &[Matrix] = &[
    build(
        "unit-test / inductor-test",
        L12,
        &[("inductor", 2, G5), ("inductor_distributed", 1, G4), ("inductor_cpp_wrapper", 2, G5)],
    ),
    build(
        "inductor-test",
        MEM,
        &[
            ("inductor_huggingface", 1, G5),
            ("inductor_timm", 2, G5),
            ("inductor_torchbench", 2, G5),
            ("dynamic_inductor_huggingface", 1, G5),
            ("dynamic_inductor_timm", 2, G5),
            ("dynamic_inductor_torchbench", 2, G5),
            ("aot_inductor_huggingface", 1, G5),
            ("aot_inductor_timm", 2, G5),
        ],
    ),
    build(
        "inductor-cpu-test",
        L4,
        &[
            ("cpu_inductor_huggingface", 1, AMX),
            ("cpu_inductor_timm", 2, AMX),
            ("cpu_inductor_torchbench", 2, AMX),
            ("dynamic_cpu_inductor_timm", 2, AMX),
            ("inductor_avx2", 2, L4),
        ],
    ),
    build("unit-test / inductor-halide-build", L12, &[("inductor-halide", 1, L12)]),
    build("unit-test / inductor-triton-cpu-build", L12, &[("inductor-triton-cpu", 1, L12)]),
];

const AARCH64: &[Matrix] = &[
    build("linux-jammy-aarch64-py3.10", ARM2, &[("default", 4, ARM4), ("openreg", 1, ARM2)]),
    build("linux-jammy-aarch64-py3.13", ARM4, &[("default", 4, ARM4)]),
];

/// `manywheel-<python>-<arch>-build / build` and `… / test`.
const fn wheel(
    name: &'static str,
    runner: &'static str,
    tests: &'static [(&'static str, u32, &'static str)],
) -> Matrix {
    Matrix { name, step: "build", kind: Kind::Binary, runner, tests }
}

const ON_CPU: &[(&str, u32, &str)] = &[("", 1, L4)];
const ON_GPU: &[(&str, u32, &str)] = &[("", 1, G5)];
const ON_WIN: &[(&str, u32, &str)] = &[("", 1, WIN)];

const MANYWHEEL: &[Matrix] = &[
    wheel("manywheel-py3_10-cpu", L12, ON_CPU),
    wheel("manywheel-py3_10-cuda12_8", L12, ON_GPU),
    wheel("manywheel-py3_12-cuda13_0", MEM, ON_GPU),
    wheel("manywheel-py3_12-cpu", L12, ON_CPU),
    wheel("manywheel-py3_10-cuda12_6", L12, ON_GPU),
    wheel("manywheel-py3_10-cuda13_0", L12, ON_GPU),
    wheel("manywheel-py3_11-cpu", L12, ON_CPU),
    wheel("manywheel-py3_11-cuda12_6", L12, ON_GPU),
    wheel("manywheel-py3_11-cuda12_8", L12, ON_GPU),
    wheel("manywheel-py3_11-cuda13_0", L12, ON_GPU),
    wheel("manywheel-py3_12-cuda12_6", L12, ON_GPU),
    wheel("manywheel-py3_12-cuda12_8", L12, ON_GPU),
    wheel("manywheel-py3_13-cpu", L12, ON_CPU),
    wheel("manywheel-py3_13-cuda12_8", L12, ON_GPU),
    wheel("manywheel-py3_13-cuda13_0", L12, ON_GPU),
    wheel("manywheel-py3_14-cpu", L12, ON_CPU),
    wheel("manywheel-py3_14-cuda12_8", L12, ON_GPU),
    wheel("manywheel-py3_14-cuda13_0", L12, ON_GPU),
    wheel("manywheel-py3_14t-cpu", L12, ON_CPU),
    wheel("manywheel-py3_14t-cuda13_0", L12, ON_GPU),
];

const WINDOWS_WHEEL: &[Matrix] = &[
    wheel("wheel-py3_10-cpu", WIN, ON_WIN),
    wheel("wheel-py3_12-cuda12_8", WIN, &[("", 1, WIN_GPU)]),
    wheel("wheel-py3_11-cpu", WIN, ON_WIN),
    wheel("wheel-py3_12-cpu", WIN, ON_WIN),
    wheel("wheel-py3_13-cpu", WIN, ON_WIN),
    wheel("wheel-py3_13-cuda12_8", WIN, &[("", 1, WIN_GPU)]),
];

const DYNAMO: &[Matrix] = &[
    build("linux-jammy-py3.12-clang18-dynamo", L2, &[("dynamo_core", 1, L2), ("dynamo_wrapped", 3, L2)]),
    build("linux-jammy-py3.10-clang18-dynamo", L2, &[("dynamo_core", 1, L2), ("dynamo_wrapped", 3, L2)]),
    build("linux-jammy-py3.14t-clang18-dynamo", L2, &[("dynamo_core", 1, L2), ("dynamo_wrapped", 3, L2)]),
];

const VLLM: &[Matrix] = &[build(
    "linux-jammy-cuda12.9-py3.12-gcc11-vllm",
    MEM,
    &[
        ("vllm_basic_correctness_test", 1, G6),
        ("vllm_basic_models_test", 1, G6),
        ("vllm_entrypoints_test", 2, G6),
        ("vllm_lora_test", 4, G6),
        ("vllm_multi_model_test", 1, G6),
        ("vllm_compilation_unit_tests", 1, G6),
    ],
)];

const DOCKER: &[Matrix] = &[
    single("docker-build (linux.12xlarge, torchlite-linux-jammy-py3.10-gcc11)", "", Kind::Docker, L12),
    single(
        "docker-build (linux.12xlarge, torchlite-linux-jammy-cuda13.0-py3.10-gcc11)",
        "",
        Kind::Docker,
        L12,
    ),
    single(
        "docker-build (linux.12xlarge, torchlite-linux-jammy-cuda12.8-py3.10-gcc11)",
        "",
        Kind::Docker,
        L12,
    ),
    single("docker-build (linux.12xlarge, torchlite-linux-jammy-py3.10-clang18-asan)", "", Kind::Docker, L12),
    single("docker-build (linux.12xlarge, torchlite-linux-jammy-linter)", "", Kind::Docker, L12),
    single("docker-build (linux.arm64.m7g.4xlarge, torchlite-linux-jammy-aarch64)", "", Kind::Docker, ARM4),
];

const SLOW: &[Matrix] = &[
    build("linux-jammy-cuda12.8-py3.10-gcc11-sm86", L12, &[("slow", 3, G5)]),
    build("linux-jammy-py3.10-clang18-slow", L2, &[("slow", 2, L4)]),
    build("linux-jammy-py3.10-clang18-asan-slow", L4, &[("slow", 3, L4)]),
];

const PERIODIC: &[Matrix] = &[
    build("linux-jammy-cuda12.8-py3-gcc11-slow-gradcheck", L12, &[("default", 8, G5)]),
    build("linux-jammy-cuda13.0-py3.10-gcc11-debug", MEM, &[("default", 7, G6), ("multigpu", 1, G4)]),
    build("linux-jammy-cuda12.4-py3.10-gcc11", L12, &[("legacy_nvidia_driver", 5, G4)]),
    build("linux-jammy-py3.10-gcc11-mem-leak", L2, &[("default", 2, L4)]),
];
