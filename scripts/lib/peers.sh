# shellcheck shell=bash
# The real peers that no distribution packages: built or installed once for each version, and kept in the cache folder.
# The harness finds them by the same versions, which are read from the same two files (tests/src/peers.rs).

PEERS="$CACHE/peers"

# Installed where there is no Go that can build the server, or get itself the one that can.
GO_VERSION=1.26.8

go_ready() { have go && (cd "$ROOT/tests/peers/livekit" && go list -m) >/dev/null 2>&1 </dev/null; }

go_platform() {
    local machine
    case "$(uname -m)" in
        x86_64 | amd64) machine=amd64 ;;
        aarch64 | arm64) machine=arm64 ;;
        *) die "go.dev has no Go for $(uname -m) that was tried here: install Go $GO_VERSION or newer and call again" ;;
    esac
    case "$(system)" in
        linux) echo "linux-$machine" ;;
        macos) echo "darwin-$machine" ;;
        *) die "install Go $GO_VERSION or newer from https://go.dev/dl and call again" ;;
    esac
}

# Go's own archive, checked against its published sum, into the cache folder.
ensure_go() {
    local name folder="$CACHE/tools/go-$GO_VERSION" partial
    go_ready && return 0
    PATH="$folder/bin:$PATH"
    export PATH
    go_ready && return 0
    name="go$GO_VERSION.$(go_platform).tar.gz"
    partial="$folder.partial"
    say "installing Go $GO_VERSION from go.dev into $folder"
    rm -rf "$partial" "$folder"
    mkdir -p "$partial"
    { fetch "https://dl.google.com/go/$name" "$partial/$name" &&
        fetch "https://dl.google.com/go/$name.sha256" "$partial/sum"; } ||
        die "Go could not be downloaded: install Go $GO_VERSION or newer from https://go.dev/dl and call again"
    (cd "$partial" && printf '%s  %s\n' "$(cat sum)" "$name" | check_sums) >&2 ||
        die "the archive of Go is not the published one: nothing was installed. Call again"
    tar -xzf "$partial/$name" -C "$partial" --strip-components=1
    rm -f "$partial/$name" "$partial/sum"
    mv "$partial" "$folder"
    go_ready || die "Go $GO_VERSION is installed in $folder but cannot build the LiveKit server: is GOTOOLCHAIN or GOFLAGS set?"
}

livekit_version() { sed -n 's|.*github.com/livekit/livekit-server v\([^ ]*\).*|\1|p' "$ROOT/tests/peers/livekit/go.mod"; }

build_livekit_server() {
    local version folder
    version="$(livekit_version)"
    folder="$PEERS/livekit-server-$version"
    [ ! -x "$folder/livekit-server" ] || return 0
    ensure_go
    say "building the LiveKit server $version into $folder (once; some minutes)"
    rm -rf "$folder" "$folder.partial"
    mkdir -p "$folder.partial"
    (cd "$ROOT/tests/peers/livekit" && go build -mod=readonly -buildvcs=false -trimpath -ldflags='-s -w' \
        -o "$folder.partial/livekit-server" github.com/livekit/livekit-server/cmd/server) >&2 </dev/null ||
        die "Go could not build the LiveKit server $version (its reason is above)"
    # Moved when complete: a build that was interrupted never looks like a server.
    mv "$folder.partial" "$folder"
}

subscriber_version() { sed -n 's/^livekit==\([^ ]*\).*/\1/p' "$ROOT/tests/peers/subscriber/requirements.txt"; }

# A virtual environment cannot be moved: what was asked for is copied in when all of it is there.
install_subscriber() {
    local wanted="$ROOT/tests/peers/subscriber/requirements.txt" folder
    folder="$PEERS/livekit-python-$(subscriber_version)"
    cmp -s "$wanted" "$folder/requirements.txt" && "$folder/bin/python" -c 'import livekit.rtc' >/dev/null 2>&1 && return 0
    have python3 || die "python3 is missing: it runs LiveKit's own subscriber in the tests. Install Python 3.11 or newer and call again"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "$(python3 --version) is too old for LiveKit's subscriber: install Python 3.11 or newer and call again"
    say "installing LiveKit's Python SDK $(subscriber_version) into $folder"
    rm -rf "$folder"
    python3 -m venv "$folder" >&2 </dev/null ||
        die "Python could not make a virtual environment (its reason is above; Debian has it in python3-venv)"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r "$wanted" >&2 </dev/null ||
        die "pip could not install LiveKit's Python SDK (its reason is above)"
    cp "$wanted" "$folder/requirements.txt"
}

install_peers() {
    mkdir -p "$PEERS"
    build_livekit_server
    install_subscriber
}
