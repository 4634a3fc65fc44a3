# shellcheck shell=bash
# The steps of `./pulse test` and `./pulse check`: each announced, timed, and the last one if it fails.

NEXTEST_VERSION=0.9.151
DENY_VERSION=0.20.2

STEP=''
TEST_LOG=''

# step NAME COMMAND…
step() {
    local name="$1" began="$SECONDS"
    shift
    headline "$name"
    # Called plainly, so that `set -e` holds inside the step too; the trap tells which one it was.
    STEP="$name"
    "$@" </dev/null
    say "$name: $((SECONDS - began)) s"
}

on_exit() {
    local code=$?
    [ ! -s "$TEST_LOG" ] || say "tests: $(tests_run)"
    rm -f "$TEST_LOG"
    if [ "$code" -eq 0 ]; then
        say "all steps passed in $SECONDS s"
    else
        printf '%s\n' "${RED}pulse: FAILED at: $STEP (after $SECONDS s)${PLAIN}" >&2
    fi
}

check_format() { in_root cargo fmt --all --check; }

check_scripts() {
    have shellcheck || { warn "shellcheck is not installed: the scripts were not checked" && return 0; }
    in_root shellcheck -x pulse .ci/run scripts/lib/*.sh
}

check_lints() { run_cargo clippy --workspace --all-targets -- -D warnings; }

check_dependencies() {
    cargo_tool cargo-deny "$DENY_VERSION" || die "cargo-deny $DENY_VERSION could not be built (the reason is above)"
    in_root cargo deny --workspace check --hide-inclusion-graph bans licenses sources
    if in_root cargo deny --workspace fetch db >/dev/null 2>&1; then
        in_root cargo deny --workspace --offline check --hide-inclusion-graph advisories
    else
        warn "the advisory database cannot be reached from here: advisories were not checked"
    fi
}

build_app() {
    # --workspace: the features of everything, or the tests would build the shared dependencies once more.
    run_cargo build --workspace --bin pulse-studio
}

choose_runner() {
    RUNNER=nextest
    cargo_tool cargo-nextest "$NEXTEST_VERSION" && return 0
    warn "cargo-nextest $NEXTEST_VERSION cannot be built here: using cargo test"
    RUNNER=cargo
}

# run_suite FILTER SELECTION…: one run over a part of the tests, built before GLib's warnings turn fatal. nextest filters what the
# whole workspace has built, so that no dependency is built twice with other features; cargo selects packages.
run_suite() {
    local filter="$1"
    shift
    if [ "$RUNNER" = nextest ]; then
        in_root cargo nextest run ${LOCKED:+"$LOCKED"} --workspace --no-run
        G_DEBUG=fatal-warnings in_root cargo nextest run ${LOCKED:+"$LOCKED"} --workspace -E "$filter" 2>&1 |
            tee -a "$TEST_LOG" >&2
    else
        run_cargo test --no-run --lib --bins --tests "$@"
        G_DEBUG=fatal-warnings run_cargo test --no-fail-fast --lib --bins --tests "$@" -- \
            --test-threads="${SUITE_THREADS:-2}" 2>&1 | tee -a "$TEST_LOG" >&2
    fi
}

test_units() { run_suite 'not package(pulse-tests)' --workspace --exclude pulse-tests; }

# Timing is what these judge: one at a time (nextest has the same in its profile).
test_delivery() { SUITE_THREADS=1 run_suite 'package(pulse-tests)' -p pulse-tests; }

test_docs() { run_cargo test --workspace --doc 2>&1 | tee -a "$TEST_LOG" >&2; }

# Adds up the runners' own summary lines: nextest's "12 tests run: 11 passed, 1 failed", cargo's "11 passed; 1 failed".
tests_run() {
    sed -e $'s/\033\\[[0-9;]*m//g' "$TEST_LOG" | awk '
        /tests? run:/ || /^test result:/ {
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^passed/) passed += $(i - 1)
                if ($i ~ /^failed/) failed += $(i - 1)
            }
        }
        END { printf "%d passed, %d failed", passed, failed }'
}

begin_steps() {
    trap on_exit EXIT
    # Snapshots are compared, never rewritten.
    export INSTA_UPDATE=no
    [ ! -t 2 ] || export CARGO_TERM_COLOR=always
    TEST_LOG="$(mktemp)"
    STEP="install"
    prepare test
    say "install: $SECONDS s"
}

run_checks() {
    begin_steps
    step "format" check_format
    step "lints" check_lints
    step "test runner" choose_runner
    step "unit tests" test_units
}

run_tests() {
    begin_steps
    step "format" check_format
    step "scripts" check_scripts
    step "lints" check_lints
    step "dependencies" check_dependencies
    step "test runner" choose_runner
    step "real peers" install_peers
    step "build" build_app
    step "unit, property and contract tests" test_units
    step "engine and delivery tests" test_delivery
    step "tests in the documentation" test_docs
}
