#!/bin/sh
# deps.sh [run] [build] [test]: installs the Debian 12 packages of these groups
# (all without arguments) that are missing.  The one list of them.  Says
# nothing when everything is there.  Services that come with a package wanted
# for its programs alone are left off, at once and at the next boot.
set -eu

run='libevent-core-2.1-7 libevent-extra-2.1-7 libevent-pthreads-2.1-7 libssl3
    libjemalloc2 libconfuse2 libjansson4 liburing2
    libc-ares2 libhttp-parser2.9 libcurl4'
build='gcc libc6-dev make pkg-config git libevent-dev libssl-dev libjemalloc-dev
    libconfuse-dev libjansson-dev liburing-dev libc-ares-dev
    libhttp-parser-dev libcurl4-openssl-dev
    openssl'
test='bash clang clang-format libclang-rt-14-dev llvm libcmocka-dev coturn
    nftables iproute2 util-linux openssl jq curl socat chromium libnss3-tools
    prometheus shellcheck mandoc systemd procps
    dnsmasq-base nodejs npm libwslay-dev redis-server nats-server'
off='coturn prometheus redis-server nats-server'

wanted=
for group in "${@:-all}"; do
	case $group in
	run)	wanted="$wanted $run" ;;
	build)	wanted="$wanted $build" ;;
	test)	wanted="$wanted $test" ;;
	all)	wanted="$run $build $test" ;;
	*)	echo "usage: deps.sh [run] [build] [test]" >&2
		exit 2 ;;
	esac
done

# npm: other packages of nodejs than Debian's bring it along
is_there()
{
	[ "$1" != npm ] || ! command -v npm >/dev/null || return 0
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = \
	    installed ]
}

missing=
for package in $wanted; do
	is_there "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

cannot()
{
	echo "deps: $1; install these Debian 12 packages yourself:$missing" >&2
	exit 1
}

command -v apt-get >/dev/null || cannot "this is no Debian (no apt-get)"
sudo=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || cannot "not root, and no sudo"
	sudo=sudo
fi

echo "deps: installing$missing"
apt()
{
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get "$@"
}

# A unit that is masked while its package comes does not start.
units=/etc/systemd/system
masked=
mask()
{
	[ ! -e "$units/$1.service" ] && [ ! -L "$units/$1.service" ] || return 0
	$sudo mkdir -p "$units"
	$sudo ln -s /dev/null "$units/$1.service"
	masked="$masked $1"
}

unmask()
{
	for service in $masked; do
		$sudo rm -f "$units/$service.service"
		! command -v systemctl >/dev/null ||
			$sudo systemctl disable --quiet "$service.service" || :
	done
	masked=
}
trap unmask EXIT
trap 'exit 1' INT TERM HUP
for service in $off; do
	case " $missing " in
	*" $service "*)	mask "$service" ;;
	esac
done

# words on purpose: $missing is a list
# shellcheck disable=SC2086
install_missing()
{
	apt install -qq -y --no-install-recommends $missing >/dev/null
}
# the package lists may be old, or not there at all
install_missing 2>/dev/null || {
	apt update -qq >/dev/null || cannot "apt-get update failed"
	install_missing || cannot "apt-get install failed"
}
