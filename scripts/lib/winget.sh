# shellcheck shell=bash
# Windows, from Git Bash. GStreamer's installer asks for an administrator, so what is missing is told and not done.

tell_winget() {
    have pkg-config && pkg-config --exists gstreamer-1.0 && return 0
    cat >&2 <<'TEXT'
pulse: GStreamer was not found. In a terminal of an administrator:
    winget install Microsoft.VisualStudio.2022.BuildTools --override "--add Microsoft.VisualStudio.Workload.VCTools --includeRecommended --passive"
    winget install LLVM.LLVM Kitware.CMake NASM.NASM
    winget install bloodrock.pkg-config-lite
  then both installers, runtime and development, of GStreamer for MSVC x86_64 from
    https://gstreamer.freedesktop.org/download/
  and, in your environment, with the folder you installed to:
    PKG_CONFIG_PATH = C:\gstreamer\1.0\msvc_x86_64\lib\pkgconfig
    PATH           += C:\gstreamer\1.0\msvc_x86_64\bin
TEXT
}
