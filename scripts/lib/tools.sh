# shellcheck shell=bash
# Programs of cargo that the tests use: built once for each version and kept in the cache folder.

tool_answers() { cargo "${1#cargo-}" --version 2>/dev/null | grep -qF " $2"; }

# cargo_tool NAME VERSION: puts it on PATH; true when that worked.
cargo_tool() {
    local name="$1" version="$2" folder
    folder="$CACHE/tools/$name-$version"
    PATH="$folder/bin:$PATH"
    export PATH
    in_root tool_answers "$name" "$version" && return 0
    say "building $name $version into $folder (once; some minutes)"
    rm -rf "$folder" "$folder.partial" "$folder.build"
    mkdir -p "$CACHE/tools"
    in_root env CARGO_TARGET_DIR="$folder.build" \
        cargo install --quiet --locked --root "$folder.partial" --version "$version" "$name" >&2 </dev/null || return 1
    rm -rf "$folder.build"
    # Moved when complete: a build that was interrupted never looks like a tool.
    mv "$folder.partial" "$folder"
    in_root tool_answers "$name" "$version"
}
