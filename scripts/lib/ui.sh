# shellcheck shell=bash
# The window's pages. Node is asked for only where there is a ui/package.json to build.

NODE_VERSION=22.20.0
# What a Node that is here already must reach.
NODE_OLDEST="20.19"

node_ready() {
    have node && have npm &&
        node -e 'const [a, b] = process.argv[1].split(".").map(Number), [x, y] = process.versions.node.split(".").map(Number);
            process.exit(x > a || (x === a && y >= b) ? 0 : 1)' "$NODE_OLDEST"
}

node_platform() {
    local machine
    case "$(uname -m)" in
        x86_64 | amd64) machine=x64 ;;
        aarch64 | arm64) machine=arm64 ;;
        *) die "nodejs.org has no Node for $(uname -m): install Node $NODE_OLDEST or newer and call again" ;;
    esac
    case "$(system)" in
        linux) echo "linux-$machine" ;;
        macos) echo "darwin-$machine" ;;
        *) die "install Node $NODE_OLDEST or newer from https://nodejs.org and call again" ;;
    esac
}

# Node's own archive, checked against its published sum, into the cache folder.
ensure_node() {
    local platform name folder partial
    PATH="$CACHE/tools/node-$NODE_VERSION/bin:$PATH"
    export PATH
    node_ready && return 0
    platform="$(node_platform)"
    name="node-v$NODE_VERSION-$platform.tar.gz"
    folder="$CACHE/tools/node-$NODE_VERSION"
    partial="$folder.partial"
    say "installing Node $NODE_VERSION from nodejs.org into $folder"
    rm -rf "$partial" "$folder"
    mkdir -p "$partial"
    { fetch "https://nodejs.org/dist/v$NODE_VERSION/$name" "$partial/$name" &&
        fetch "https://nodejs.org/dist/v$NODE_VERSION/SHASUMS256.txt" "$partial/sums"; } ||
        die "Node could not be downloaded: install Node $NODE_OLDEST or newer and call again"
    (cd "$partial" && grep " $name\$" sums | check_sums) >&2 ||
        die "the archive of Node is not the published one: nothing was installed. Call again"
    tar -xzf "$partial/$name" -C "$partial" --strip-components=1
    rm -f "$partial/$name" "$partial/sums"
    mv "$partial" "$folder"
}

build_ui() {
    local ui="$ROOT/ui"
    [ -f "$ui/package.json" ] || return 0
    ensure_node
    # npm writes this file last, so it is older than the lock only when an install is due.
    if [ "$ui/package-lock.json" -nt "$ui/node_modules/.package-lock.json" ]; then
        say "installing the window's npm modules"
        (cd "$ui" && npm ci --no-audit --no-fund </dev/null >&2) || die "npm could not install the modules (its reason is above)"
    fi
    say "building the window's pages"
    (cd "$ui" && npm run build </dev/null >&2) || die "the window's pages could not be built (the reason is above)"
}
