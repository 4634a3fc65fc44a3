# shellcheck shell=bash
# Rust: the version rust-toolchain.toml pins, by rustup.

rust_channel() { sed -n 's/^channel *= *"\(.*\)".*/\1/p' "$ROOT/rust-toolchain.toml"; }

# cargo_ready: whether the pinned compiler and its two companions answer here.
cargo_ready() {
    (
        cd "$ROOT" && rustc --version | grep -qF "rustc $(rust_channel) " &&
            cargo fmt --version && cargo clippy --version
    ) >/dev/null 2>&1
}

ensure_rust() {
    local channel installer
    channel="$(rust_channel)"
    # First, so that no compiler of the distribution stands in front of the pinned one.
    PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    export PATH
    cargo_ready && return 0
    if ! have rustup; then
        say "installing Rust by its own installer, into ${CARGO_HOME:-$HOME/.cargo} (your shell's profile is left alone)"
        installer="$(mktemp)"
        fetch https://sh.rustup.rs "$installer" ||
            die "Rust's installer could not be downloaded. Install Rust $channel from https://rustup.rs and call again"
        sh "$installer" -y --no-modify-path --profile minimal --default-toolchain none >&2 </dev/null ||
            die "Rust's installer failed (its reason is above)"
        rm -f "$installer"
    fi
    say "installing Rust $channel"
    rustup toolchain install "$channel" --profile minimal --component rustfmt --component clippy >&2 </dev/null ||
        die "rustup could not install Rust $channel (its reason is above)"
    cargo_ready || die "Rust $channel is installed but does not answer: is RUSTUP_TOOLCHAIN set to another one?"
}

# in_root COMMAND…: in the root of the repository, where the pinned toolchain and the workspace are found.
in_root() { (cd "$ROOT" && "$@"); }

# In CI the lock file is the law.
in_ci && LOCKED=--locked || LOCKED=''

# run_cargo SUBCOMMAND ARGS…
run_cargo() {
    local subcommand="$1"
    shift
    in_root cargo "$subcommand" ${LOCKED:+"$LOCKED"} "$@" </dev/null
}

target_dir() {
    in_root cargo metadata --no-deps --format-version 1 ${LOCKED:+"$LOCKED"} </dev/null |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p' | sed 's/\\\\/\//g'
}

build_release() {
    headline "build (release; the first time takes some minutes)"
    run_cargo build --release --bin pulse-studio >&2 || die "the build failed (its reason is above)"
}
