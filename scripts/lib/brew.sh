# shellcheck shell=bash
# macOS with Homebrew. Its gstreamer formula holds every plugin set and the RTSP server.

BREW_BUILD="gstreamer pkgconf cmake nasm"
BREW_TEST="ffmpeg go python jq shellcheck"

install_brew() {
    local wanted="$BREW_BUILD" formula missing=''
    xcode-select -p >/dev/null 2>&1 || die "Apple's command line tools are missing: run xcode-select --install, then call again"
    have brew || die "Homebrew is missing: install it from https://brew.sh, then call again"
    [ "$1" = test ] && wanted="$wanted $BREW_TEST"
    for formula in $wanted; do
        brew list --versions "$formula" >/dev/null 2>&1 || missing="$missing $formula"
    done
    [ -n "$missing" ] || return 0
    say "installing with Homebrew:$missing"
    # shellcheck disable=SC2086 # a list of words
    brew install $missing >&2 </dev/null || die "Homebrew could not install$missing (its reason is above)"
}
