#!/usr/bin/env bash
# cleanroom.sh [-k] [-d DIR] [run | test | COMMAND...]: shows that a bare
# Debian 12 with only git and make is enough.
#
# Makes a minimal Debian 12 in DIR (a new folder under /var/tmp unless given)
# with debootstrap, from the package sources and through the proxy that this
# machine's apt uses; installs git, make and ca-certificates, nothing else;
# clones HEAD of this repository (what is committed) to /root/supernode in it
# and runs there, as root with mount and process namespaces of its own:
#
#	run	`make run` until it has printed its iceServers, then Ctrl-C, and
#		the same again at once; at most DEADLINE=900 seconds each
#	test	`make test`; at most DEADLINE=5400 seconds
#	COMMAND	any other command, with its arguments
#
# What was made is removed at the end, however that comes, but for -k, which
# keeps it; a DIR that was kept is used again as it is, with a fresh clone.
# Exit code: the command's.  Needs root, debootstrap and the network (its own
# loopback and addresses are the machine's), hence no part of `make test`.
# shellcheck disable=SC2317 # functions are called by traps and wait_until
set -euo pipefail
suite=bookworm
here=$(cd "$(dirname "$0")/.." && pwd)
self=$here/packaging/cleanroom.sh

say()
{
	printf 'cleanroom: %s\n' "$*"
}

die()
{
	say "$*" >&2
	exit 1
}

# ---- making it

# The archive that this machine's apt takes the suite from.
archive()
{
	# shellcheck disable=SC2016 # apt's own dollars
	apt-get indextargets --no-release-info --format \
	    '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk -v s="$suite" '$1 == s && $2 == "main" && !n++ { print $3 }'
}

apt_option()
{
	local value=
	eval "$(apt-config shell value "$1")"
	echo "$value"
}

# The machine's way to the archive: sources, keys, credentials, and what its
# apt was told about fetching (proxy, certificates); none of its other habits.
copy_apt()
{
	local to=$1/etc/apt one

	rm -f "$to/sources.list"
	for one in sources.list sources.list.d trusted.gpg trusted.gpg.d \
	    keyrings auth.conf auth.conf.d; do
		[ ! -e "/etc/apt/$one" ] || cp -RT "/etc/apt/$one" "$to/$one"
	done
	cp -R /usr/share/keyrings/. "$1/usr/share/keyrings"
	apt-config dump | sed -n '/^Acquire::.* ".\+";$/p' \
	    >"$to/apt.conf.d/10machine"
	for one in /etc/resolv.conf /etc/hosts; do
		[ ! -e "$one" ] || cat "$one" >"$1$one"
	done
	[ ! -d /usr/local/share/ca-certificates ] || cp -RT \
	    /usr/local/share/ca-certificates "$1/usr/local/share/ca-certificates"
}

# in_room ROOT COMMAND...: the root is a real one; after a chroot nobody could
# make namespaces, as the tests do.
in_room()
{
	local root=$1

	shift
	# shellcheck disable=SC2016 # for the bash inside
	env -i HOME=/root TERM="${TERM:-dumb}" \
	    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	    ${http_proxy:+http_proxy="$http_proxy"} \
	    ${https_proxy:+https_proxy="$https_proxy"} \
	    unshare --mount bash -euc 'mount --rbind "$0" "$0"
		cd "$0"
		pivot_root . mnt
		cd /root
		umount --lazy /mnt
		exec "$@"' "$root" "$@"
}

build_room()
{
	local root=$1 from proxy

	from=$(archive)
	[ -n "$from" ] || die "this machine's apt has no source for $suite"
	proxy=$(apt_option Acquire::http::Proxy)
	say "making a minimal $suite in $root"
	http_proxy=${http_proxy-$proxy} debootstrap --variant=minbase \
	    "$suite" "$root" "$from" >"$root.log" 2>&1 ||
		die "debootstrap failed: $(tail -n 20 "$root.log")"
	copy_apt "$root"
	furnish "$root"
	in_room "$root" apt-get update -qq
	in_room "$root" env DEBIAN_FRONTEND=noninteractive apt-get install \
	    -qq -y --no-install-recommends git make ca-certificates \
	    >>"$root.log" 2>&1 ||
		die "no git and make: $(tail -n 20 "$root.log")"
	touch "$root.made"
}

# What every running system has.  The mounts go with our namespace.
furnish()
{
	mount -t proc proc "$1/proc"
	mount --rbind /sys "$1/sys"
	mount --rbind /dev "$1/dev"
}

clone()
{
	local root=$1

	rm -rf "$root/root/supernode"
	git -C "$here" -c safe.directory="$here" bundle create -q \
	    "$root/root/source" HEAD
	in_room "$root" git clone -q \
	    -c advice.detachedHead=false /root/source /root/supernode
	say "cloned $(in_room "$root" git -C /root/supernode log -1 \
	    --format='%h %s')"
}

# ---- using it

# Who is in the room: in other mounts than this script.
others()
{
	local pid mounts

	for pid in /proc/[0-9]*; do
		mounts=$(readlink "$pid/ns/mnt") || continue
		[ "$mounts" = "$(readlink /proc/$$/ns/mnt)" ] || cat "$pid/comm"
	done 2>/dev/null
}

# wait_until SECONDS COMMAND...
wait_until()
{
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.2
	done
}

is_over()
{
	! kill -0 "$1" 2>/dev/null
}

shown_or_over()
{
	grep -q '^Ctrl-C ends it' "$1" || is_over "$2"
}

nobody_left()
{
	[ -z "$(others)" ]
}

make_run()
{
	local root=$1 out=$1.run pid tail_pid start=$SECONDS rc=0

	: >"$out"
	tail -n +1 -f "$out" &
	tail_pid=$!
	# a job of its own: a process group that Ctrl-C can reach
	set -m
	in_room "$root" make -C /root/supernode run >"$out" 2>&1 &
	pid=$!
	set +m
	wait_until "${DEADLINE:-900}" shown_or_over "$out" "$pid" || rc=1
	[ "$rc" -ne 0 ] || say "after $((SECONDS - start)) s; now Ctrl-C"
	kill -INT -- "-$pid" 2>/dev/null || :
	wait_until 30 is_over "$pid" || rc=1
	# make may die of the signal; what counts is how our script ended
	wait "$pid" || :
	kill "$tail_pid"
	[ "$rc" -eq 0 ] || die "make run: over its time"
	grep -q '"iceServers"' "$out" || die "make run printed no iceServers"
	grep -q '^Ended\.' "$out" || die "make run did not end well"
	wait_until 10 nobody_left || die "left running: $(others)"
}

use_room()
{
	local root=$1

	shift
	case $1 in
	run)	make_run "$root"
		say "once more"
		make_run "$root"
		say "make run: fine, twice" ;;
	test)	in_room "$root" timeout -k 10 "${DEADLINE:-5400}" \
		    make -C /root/supernode test ;;
	*)	in_room "$root" sh -c 'cd /root/supernode && exec "$@"' sh "$@" ;;
	esac
}

# ---- inside the namespaces: process 1, with which everything ends

if [ "${1-}" = --inside ]; then
	shift
	trap 'exit 143' TERM INT HUP
	mount -t proc proc /proc
	if [ -e "$1.made" ]; then
		furnish "$1"
	else
		build_room "$1"
	fi
	clone "$1"
	rc=0
	use_room "$@" || rc=$?
	exit "$rc"
fi

# ---- outside: options, and the end

usage()
{
	sed -n '2s/^# /usage: /p' "$self" >&2
	exit 2
}

dir="" keep="" child=""
while getopts kd: option; do
	case $option in
	k)	keep=yes ;;
	d)	dir=$OPTARG ;;
	*)	usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- run
[ "$(id -u)" -eq 0 ] || die "needs root"
command -v debootstrap >/dev/null || die "needs debootstrap"

# It has ended, yet the last of its processes may be about to.
finish()
{
	local rc=$?

	trap - EXIT
	[ -z "$child" ] || kill -KILL "$child" 2>/dev/null || :
	[ -z "$child" ] || wait "$child" 2>/dev/null || :
	if [ -n "$keep" ]; then
		say "kept: $dir"
		exit "$rc"
	fi
	# the mounts were in a namespace that is gone: this sees only files
	wait_until 10 rm -rf --one-file-system "$dir/root" 2>/dev/null ||
		say "not removed: $dir/root"
	rm -f "$dir"/root.*
	rmdir --ignore-fail-on-non-empty "$dir" || :
	exit "$rc"
}

if [ -n "$dir" ]; then
	mkdir -p "$dir"
	dir=$(cd "$dir" && pwd)
else
	dir=$(mktemp -d /var/tmp/supernode-cleanroom.XXXXXX)
fi
chmod 700 "$dir"
[ ! -e "$dir/root" ] || [ -e "$dir/root.made" ] || {
	keep=yes
	die "$dir/root is there, but not made by an earlier -k"
}
trap finish EXIT
trap 'exit 143' TERM HUP
trap 'exit 130' INT
mkdir -p "$dir/root"
chmod 755 "$dir/root"
unshare --mount --pid --fork --kill-child \
    bash "$self" --inside "$dir/root" "$@" </dev/null &
child=$!
rc=0
wait "$child" || rc=$?
child=
exit "$rc"
