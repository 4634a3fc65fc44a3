# shellcheck shell=bash
# Debian and Ubuntu.

APT_BUILD="build-essential pkg-config clang libclang-dev cmake nasm git curl ca-certificates
    libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libgstreamer-plugins-bad1.0-dev
    gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
    gstreamer1.0-plugins-ugly gstreamer1.0-libav gstreamer1.0-x gstreamer1.0-alsa gstreamer1.0-pulseaudio
    gstreamer1.0-pipewire gstreamer1.0-nice libasound2-dev libudev-dev libv4l-dev"
# The tests play against real peers: an RTSP server, nginx as an RTMP server, PipeWire's cameras and microphones, GNOME's
# keychain, LiveKit's Python SDK as a viewer, ffprobe as the judge.
# Their harness is a member of the workspace, so its libraries are needed wherever the whole workspace is built.
APT_TEST="ffmpeg libgstrtspserver-1.0-dev pipewire wireplumber pipewire-pulse pipewire-bin pulseaudio-utils
    libasound2-plugins dbus xvfb nginx libnginx-mod-rtmp libnginx-mod-stream gnome-keyring libsecret-tools
    python3 python3-venv jq shellcheck"

apt_missing() {
    local package
    for package in "$@"; do
        # A package of several architectures has a line each.
        dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || printf '%s ' "$package"
    done
}

install_apt() {
    local wanted="$APT_BUILD" missing
    [ "$1" = test ] && wanted="$wanted $APT_TEST"
    # shellcheck disable=SC2086 # a list of words
    missing="$(apt_missing $wanted)"
    missing="${missing% }"
    [ -n "$missing" ] || return 0
    say "missing packages: $missing"
    ask_for_root "apt-get install --no-install-recommends $missing"
    say "asking the package servers for their lists"
    as_root apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update -qq >&2 </dev/null ||
        warn "apt-get update had trouble; going on with the lists that are here"
    say "installing them"
    # shellcheck disable=SC2086 # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
        install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends $missing >&2 </dev/null ||
        die "apt-get could not install the packages (its reason is above). On Ubuntu they need the 'universe' component: sudo add-apt-repository universe"
    leave_ports_free "$missing"
}

# leave_ports_free PACKAGES: Debian starts a server as soon as it is installed; the tests start their own, on other ports.
leave_ports_free() {
    case " $1 " in
        *" nginx "*)
            have systemctl && systemctl is-active --quiet nginx || return 0
            say "nginx is for the tests alone: its system service is switched off again"
            as_root systemctl disable --now --quiet nginx >&2 || warn "it could not be: nginx holds port 80"
            ;;
    esac
}
