# shellcheck shell=bash
# What the script says. All of it on stderr.

if [ -t 2 ]; then
    BOLD=$'\033[1m' RED=$'\033[31m' PLAIN=$'\033[0m'
else
    BOLD='' RED='' PLAIN=''
fi

say() { printf '%s\n' "pulse: $*" >&2; }

headline() { printf '\n%s== %s%s\n' "$BOLD" "$*" "$PLAIN" >&2; }

warn() { printf '%s\n' "pulse: note: $*" >&2; }

die() {
    printf '%s\n' "${RED}pulse: $*${PLAIN}" >&2
    exit 1
}

die_usage() {
    printf '%s\n' "${RED}pulse: $*${PLAIN}" >&2
    exit 2
}
