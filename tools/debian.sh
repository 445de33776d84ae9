#!/bin/sh
# Make sure that the Debian packages for a real Qt window in a virtual display are there: as root install what is
# missing, otherwise name it and stop. On other systems there is nothing to do here.
set -eu

packages="python3-venv xvfb xauth libgl1 libegl1 libopengl0 libgl1-mesa-dri libglib2.0-0 libfontconfig1 libdbus-1-3
libxkbcommon-x11-0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0
libxcb-xinerama0 libxcb-cursor0"

command -v dpkg-query >/dev/null 2>&1 || exit 0

missing=""
for package in $packages; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  # newer Debians rename libglib2.0-0 to libglib2.0-0t64, which provides the old name
  [ "$state" = installed ] || dpkg-query -W -f '${db:Status-Status}' "${package}t64" 2>/dev/null | grep -qx installed \
    || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "These Debian packages are missing; install them as root and try again:" >&2
  echo "  apt-get install -y$missing" >&2
  exit 1
fi
echo "Installing Debian packages:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086  # one word per package
apt-get install -y -qq --no-install-recommends $missing >/dev/null
