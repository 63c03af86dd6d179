# The verbs of the house. `just` alone lists them.

_:
    @just --list --unsorted

# Open a store at http://127.0.0.1:8080
run *ARGS:
    cargo run -- serve {{ ARGS }}

# Put the demo catalogue on the shelves
seed *ARGS:
    cargo run -- seed {{ ARGS }}

# All tests, on SQLite
test *ARGS:
    cargo test --workspace {{ ARGS }}

# Formatting and lints
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# What CI runs, PostgreSQL and the tour included
ci:
    .ci/run
