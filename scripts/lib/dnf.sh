# shellcheck shell=bash
# Fedora and its kin.

DNF_BUILD="gcc gcc-c++ make pkgconf-pkg-config clang clang-devel cmake nasm git curl ca-certificates
    gstreamer1-devel gstreamer1-plugins-base-devel gstreamer1-plugins-bad-free-devel
    gstreamer1-plugins-base gstreamer1-plugins-good gstreamer1-plugins-bad-free gstreamer1-plugins-ugly-free
    gstreamer1-plugin-libav gstreamer1-plugin-openh264 pipewire-gstreamer libnice-gstreamer1 alsa-lib-devel systemd-devel libv4l-devel"
DNF_TEST="ffmpeg-free gstreamer1-rtsp-server-devel pipewire wireplumber pipewire-pulseaudio pipewire-utils
    pulseaudio-utils alsa-plugins-pulseaudio dbus-daemon xorg-x11-server-Xvfb nginx nginx-mod-stream python3 golang jq
    gnome-keyring libsecret ShellCheck"

dnf_missing() {
    local package
    for package in "$@"; do
        rpm -q --quiet --whatprovides "$package" || printf '%s ' "$package"
    done
}

install_dnf() {
    local wanted="$DNF_BUILD" missing
    [ "$1" = test ] && wanted="$wanted $DNF_TEST"
    # shellcheck disable=SC2086 # a list of words
    missing="$(dnf_missing $wanted)"
    missing="${missing% }"
    if [ -n "$missing" ]; then
        say "missing packages: $missing"
        ask_for_root "dnf install $missing"
        # shellcheck disable=SC2086 # a list of words
        as_root dnf install -y $missing >&2 </dev/null || die "dnf could not install the packages (its reason is above)"
    fi
    [ "$1" != test ] || [ -e /usr/lib64/nginx/modules/ngx_rtmp_module.so ] ||
        warn "Fedora has no RTMP module for nginx: the tests that publish to it will fail"
    gst-inspect-1.0 --exists x264enc ||
        warn "x264 is not in Fedora itself: openh264 will encode. For x264 add RPM Fusion and install gstreamer1-plugins-ugly"
}
