# A recipe for each step of the gate. `just` lists them.
_default:
    @just --list

# Format all code.
fmt:
    cargo fmt --all

# Lints and docs, warnings as errors.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items

# Everything.
test:
    cargo test --workspace

# The real binaries against a scripted Gemini, with the official SDKs, and infra/ before emulations; further words choose tests.
e2e *words:
    cargo build --bins
    cargo test -p tests {{ words }}

# Every fuzz target for so many seconds, from its seeds. Works on stable; `target/tools` gets the tool it needs.
fuzz seconds="8":
    .ci/fuzz {{ seconds }}

# The pure parts, against what they are measured by.
bench *words:
    cargo bench -p shared {{ words }}

# The release binary in front of a loopback Gemini, against a bare nginx hop; words choose loads. Needs nginx and taskset.
bench-gateway *words:
    cargo build --release -p gatehouse
    cargo bench -p tests --bench gateway -- {{ words }}

# The zips that infra/ deploys, into target/lambda; `target/tools` gets the tool it needs.
package architecture="arm64":
    .ci/package {{ architecture }}

# What can be said of infra/ without an account: format, validity, its tests, checkov.
infra:
    .ci/infra

# What the function costs before its first request, beside the least that Lambda runs; its size and memory. Needs Node.
bench-cold:
    cargo build --release -p completion
    cargo build --release -p tests --example stock
    cargo bench -p tests --bench cold

# The drain before a loopback S3: records a second and core, memory, 100,000 records while everything fails, a million
# verified; words choose parts: speed, losses, verify.
bench-drain *words:
    cargo build --release -p drain
    cargo build --release -p gatehouse
    cargo bench -p tests --bench drain -- {{ words }}

# Rotations of the key under traffic, with a fault in most runs: requests served, rotations done, faults, failures (0).
# It counts and times nothing, so that the build of the tests will do.
bench-rotation *words:
    cargo bench --workspace --profile dev --bench rotation -- {{ words }}

# Licences, advisories, sources and bans of all dependencies.
deny:
    cargo deny check

# What the CI runs.
ci:
    .ci/run
