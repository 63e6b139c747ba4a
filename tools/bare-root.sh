#!/bin/sh
# Proves the README where nothing is installed: a Debian root with python3, make, git and
# certificates; a fresh clone in it; then the README's two commands and the demo, word for word.
# Root on Debian only. Everything lives in one temporary folder and in namespaces of its own (mount,
# PID), which end with this script, however it ends. Takes about half an hour: all is compiled anew.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
suite=${SUITE:-bookworm}
log=${LOG:-$root/.tools/bare-root.log}

say() { printf 'bare-root: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

[ "$(id -u)" = 0 ] || fail "needs root (mmdebstrap, chroot)"
command -v mmdebstrap >/dev/null || {
    say "apt-get install mmdebstrap"
    apt-get -qq update && apt-get -qq install -y --no-install-recommends mmdebstrap >/dev/null
}
[ -z "$(git -C "$root" status --porcelain)" ] || say "uncommitted changes are not part of the proof"

dir=$(mktemp -d)
groups() { find /sys/fs/cgroup -maxdepth 2 -type d -name 'labgrader-*' | sort; }
groups >"$dir.groups"
# A control group outlives the namespaces: those that are new here go, as far as they are empty.
tidy() {
    groups | comm -13 "$dir.groups" - | while read -r group; do
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || say "left: $group"
    done
    rm -rf --one-file-system "$dir" "$dir.groups"
}
trap tidy EXIT
trap 'exit 130' INT TERM
mkdir -p "$(dirname "$log")"
start=$(date +%s)

say "making a Debian $suite root"
mmdebstrap --quiet --variant=minbase --include=ca-certificates,git,make,python3 "$suite" "$dir" \
    || fail "mmdebstrap failed: is a Debian mirror configured in /etc/apt?"
# This machine's name resolution, certificates (an inspecting proxy has its own) and apt settings.
cp -L /etc/resolv.conf "$dir/etc/resolv.conf"
cp -L /etc/ssl/certs/ca-certificates.crt "$dir/etc/ssl/certs/ca-certificates.crt"
git clone -q "$root" "$dir/root/labgrader"

cat >"$dir/root/proof.sh" <<'PROOF'
set -eu
cd /root/labgrader
for tool in go uv pip pip3 kubectl docker; do
    if command -v "$tool" >/dev/null; then echo "not bare: $tool is here"; exit 1; fi
done
echo "== make lab";  make lab </dev/null
echo "== demo";      .venv/bin/labgrader demo
echo "== down";      .venv/bin/labgrader cluster down --purge
echo "== make test"; make test
echo "== PROVED"
PROOF

say "proving; the log is $log"
# The PID namespace takes every process along when its first one ends; the mounts go likewise.
bundle=/etc/ssl/certs/ca-certificates.crt
set -- HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
    PIP_CERT=$bundle SSL_CERT_FILE=$bundle
for name in http_proxy https_proxy no_proxy GOPROXY PIP_INDEX_URL UV_INDEX_URL; do
    eval "value=\${$name:-}"
    [ -z "$value" ] || set -- "$@" "$name=$value"
done
env -i "$@" \
    unshare --mount --pid --fork --kill-child sh -eu -c '
        mount --make-rprivate /
        # A mount of its own: real nodes could not keep their mounts to themselves otherwise.
        mount --bind "$1" "$1"
        mount -t proc proc "$1/proc"
        mount --rbind /sys "$1/sys"
        mount --rbind /dev "$1/dev"
        mount -t tmpfs tmpfs "$1/tmp"
        exec chroot "$1" sh /root/proof.sh
    ' sh "$dir" >"$log" 2>&1 || { tail -n 30 "$log" >&2; fail "NOT proved: see $log"; }

tail -n 1 "$log" | grep -q '^== PROVED$' || fail "NOT proved: see $log"
say "proved in $(($(date +%s) - start)) s"
