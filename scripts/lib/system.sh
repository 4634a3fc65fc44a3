# shellcheck shell=bash
# Which machine this is, whether it may be changed without asking, and what brings it to where the build works.

# The oldest GStreamer the engine is built against.
GSTREAMER_VERSION=1.22

system() {
    case "$(uname -s)" in
        Linux) echo linux ;;
        Darwin) echo macos ;;
        MINGW* | MSYS* | CYGWIN*) echo windows ;;
        *) echo unknown ;;
    esac
}

have() { command -v "$1" >/dev/null 2>&1; }

in_ci() { [ -n "${CI:-}" ] && [ "$CI" != false ]; }

is_root() { [ "$(id -u)" -eq 0 ]; }

# as_root COMMAND…: runs it with the rights of root; ask_for_root has been called before.
as_root() {
    if is_root; then
        "$@"
    elif in_ci; then
        sudo -n "$@"
    else
        sudo "$@"
    fi
}

# ask_for_root REMEDY: returns when root's rights may be used, else ends the script telling the REMEDY, a command line.
ask_for_root() {
    local remedy="$1" answer=''
    is_root && return 0
    have sudo || die "this needs root and there is no sudo here. As root, run: $remedy"
    if in_ci; then
        sudo -n true 2>/dev/null || die "this needs root, CI is set, and sudo wants a password here. As root, run: $remedy"
        return 0
    fi
    [ -t 0 ] || die "this needs root and there is no terminal to ask on. Run this, then call again: sudo $remedy"
    printf 'pulse: may I run this with sudo?\n    %s\n[y/N] ' "$remedy" >&2
    read -r answer || true
    case "$answer" in
        y | Y | yes | Yes) return 0 ;;
        *) die "nothing was installed. When you are ready, run: sudo $remedy" ;;
    esac
}

# fetch URL FILE: a download that is either complete or absent.
fetch() {
    curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location --retry 3 --output "$2" "$1"
}

# check_sums: reads lines "SHA256  FILE" and is true when all of the files have these sums.
check_sums() { if have sha256sum; then sha256sum -c -; else shasum -a 256 -c -; fi; }

install_packages() {
    case "$(system)" in
        linux)
            if have apt-get; then
                install_apt "$1"
            elif have dnf; then
                install_dnf "$1"
            else
                warn "this is neither a Debian nor a Fedora: please install GStreamer $GSTREAMER_VERSION or newer with its development files, all its plugin sets, clang, cmake and nasm"
            fi
            ;;
        macos) install_brew "$1" ;;
        windows) tell_winget ;;
        *) warn "unknown system $(uname -s): going on with what is here" ;;
    esac
}

require_gstreamer() {
    have pkg-config || die "pkg-config is missing: it is how the build finds GStreamer. Install it and call again"
    pkg-config --exists gstreamer-1.0 ||
        die "GStreamer's development files are missing (pkg-config finds no gstreamer-1.0). Install GStreamer $GSTREAMER_VERSION or newer and call again"
    pkg-config --atleast-version="$GSTREAMER_VERSION" gstreamer-1.0 ||
        die "GStreamer $(pkg-config --modversion gstreamer-1.0) is too old: $GSTREAMER_VERSION or newer is needed (Debian 12, Ubuntu 24.04 and later have it)"
}

# prepare run|test: everything a build needs, and for `test` what the tests need besides.
prepare() {
    headline "install what is missing"
    install_packages "$1"
    require_gstreamer
    ensure_rust
    build_ui
    say "everything needed is here"
}
