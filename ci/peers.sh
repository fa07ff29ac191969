#!/usr/bin/env bash
# Installs the TFTP servers and clients that the tests talk to, and tshark, which decodes what they say. As root on
# Debian or a relative of it; elsewhere it says what is missing.
set -euo pipefail
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

# Program and Debian package.
peers=(
    in.tftpd:tftpd-hpa
    tftp:tftp-hpa
    atftp:atftp
    dnsmasq:dnsmasq-base
    curl:curl
    busybox:busybox-static
    tshark:tshark
)
packages=()
for peer in "${peers[@]}"; do
    command -v "${peer%%:*}" >/dev/null || packages+=("${peer##*:}")
done
atftpd=yes
[ -n "${TFTP_PEERS:-}" ] && [ -x "$TFTP_PEERS/usr/sbin/atftpd" ] && atftpd=
command -v atftpd >/dev/null && atftpd=
if [ ${#packages[@]} -eq 0 ] && [ -z "$atftpd" ]; then
    exit 0
fi

if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "ci/peers.sh: missing, and only root on Debian can install them: ${packages[*]} ${atftpd:+atftpd}" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
work=$(mktemp -d)
# The packages start no daemon: this machine serves nothing because of a test.
policy=/usr/sbin/policy-rc.d
if [ -e "$policy" ]; then
    policy=
else
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
trap 'rm -rf "$work" ${policy:+"$policy"}' EXIT

apt-get update -q
if [ ${#packages[@]} -ne 0 ]; then
    apt-get install -q -y --no-install-recommends "${packages[@]}"
fi
if [ -n "$atftpd" ]; then
    # atftpd and tftpd-hpa exclude each other as packages, not as programs.
    apt-get install -q -y --no-install-recommends libpcre2-8-0 libwrap0
    (cd "$work" && apt-get download -q -o APT::Sandbox::User=root atftpd && dpkg -x atftpd_*.deb unpacked)
    install -D -m 755 "$work/unpacked/usr/sbin/atftpd" /usr/local/sbin/atftpd
    atftpd --version
fi
