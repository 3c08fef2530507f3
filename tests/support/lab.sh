# shellcheck shell=bash
# lab: a small internet of network namespaces, made by the test itself.
#
# Sourcing it runs the test again inside its own user (where not root),
# network, mount and process namespaces.  Everything made here lives in
# them, so nothing is left when the test ends, even by SIGKILL, and two
# tests never meet.
#
#	lab_net                    the public segment 198.18.0.0/24, 2001:db8::/64
#	lab_host NAME              a host on it
#	lab_nat NAME TYPE          a NAT: full-cone | port-restricted | symmetric
#	lab_firewall NAME TYPE     a firewall: no-udp | only-443 (behind a NAT,
#	                           made port-restricted if there is none NAME)
#	lab_host NAME ROUTER       a host behind that NAT or firewall
#	lab_exec NAME COMMAND...   runs a command there
#	${LAB4[NAME]} ${LAB6[NAME]}  its addresses
#
# The inside of the k-th router is 198.19.k.0/24 (not routed outside) and
# 2001:db8:k::/64 (routed, no NAT, answers only).

lab_inside()
{
	local flags=(--net --mount --pid --fork --mount-proc --kill-child)
	local self

	[ "$(id -u)" -eq 0 ] || flags+=(--user --map-root-user)
	if ! unshare "${flags[@]}" true 2>/dev/null; then
		flags+=(--user --map-root-user)
		if ! self=$(unshare "${flags[@]}" true 2>&1); then
			echo "needs network namespaces: $self"
			exit 77
		fi
	fi
	LAB_INSIDE=1 exec unshare "${flags[@]}" bash "$0" "$@"
}
[ -n "${LAB_INSIDE-}" ] || lab_inside "$@"
unset LAB_INSIDE

# namespaces, sockets and the test's own files: all gone with the last process
mount -t tmpfs -o mode=755 lab /run
mkdir /run/netns
TMPDIR=/run

# shellcheck source=tests/support/check.sh
. "$(dirname "${BASH_SOURCE[0]}")/check.sh"
need ip nft nsenter

declare -A LAB4=() LAB6=() LAB_ROUTERS=()
LAB_PUBLIC=0
LAB_LINKS=0

# A namespace with its loopback up.
lab_space()
{
	ip netns add "$1"
	ip -n "$1" link set lo up
	lab_exec "$1" sysctl -qw net.ipv6.conf.default.accept_dad=0 \
	    net.ipv6.conf.all.accept_dad=0
}

lab_exec()
{
	local space=$1

	shift
	nsenter --net="/run/netns/$space" -- "$@"
}

# lab_link A IF-A B IF-B: a cable between two namespaces.
lab_link()
{
	LAB_LINKS=$((LAB_LINKS + 1))
	ip -n "$1" link add "$2" type veth peer name "v$LAB_LINKS"
	ip -n "$1" link set "v$LAB_LINKS" netns "$3"
	ip -n "$3" link set "v$LAB_LINKS" name "$4"
	ip -n "$1" link set "$2" up
	ip -n "$3" link set "$4" up
}

lab_address()
{
	local space=$1 interface=$2 v4=$3 v6=$4

	ip -n "$space" addr add "$v4/24" dev "$interface"
	ip -n "$space" addr add "$v6/64" dev "$interface" nodad
}

lab_net()
{
	lab_space public
	ip -n public link add br0 type bridge forward_delay 0
	ip -n public link set br0 up
	lab_address public br0 198.18.0.254 2001:db8::fe
	lab_exec public sysctl -qw net.ipv6.conf.all.forwarding=1
}

# Plugs an existing namespace into the public segment, interface eth0.
lab_plug()
{
	LAB_PUBLIC=$((LAB_PUBLIC + 1))
	lab_link "$1" eth0 public "p$LAB_PUBLIC"
	ip -n public link set "p$LAB_PUBLIC" master br0
	LAB4[$1]=198.18.0.$LAB_PUBLIC
	LAB6[$1]=2001:db8::$LAB_PUBLIC
	lab_address "$1" eth0 "${LAB4[$1]}" "${LAB6[$1]}"
	ip -n "$1" route add default via 198.18.0.254
	ip -n "$1" -6 route add default via 2001:db8::fe
}

lab_host()
{
	local name=$1 router=${2-} k n

	lab_space "$name"
	if [ -z "$router" ]; then
		lab_plug "$name"
		return
	fi
	k=${LAB_ROUTERS[$router]% *} n=$((${LAB_ROUTERS[$router]#* } + 1))
	LAB_ROUTERS[$router]="$k $n"
	lab_link "$name" eth0 "$router" "in$n"
	ip -n "$router" link set "in$n" master inside
	LAB4[$name]=198.19.$k.$n
	LAB6[$name]=2001:db8:$k::$n
	lab_address "$name" eth0 "${LAB4[$name]}" "${LAB6[$name]}"
	ip -n "$name" route add default via "198.19.$k.1"
	ip -n "$name" -6 route add default via "2001:db8:$k::1"
}

# A router with its inside network and no rules yet.
lab_router()
{
	local name=$1 k=$((${#LAB_ROUTERS[@]} + 1))

	lab_space "$name"
	lab_plug "$name"
	LAB_ROUTERS[$name]="$k 1"
	ip -n "$name" link add inside type bridge forward_delay 0
	ip -n "$name" link set inside up
	lab_address "$name" inside "198.19.$k.1" "2001:db8:$k::1"
	lab_exec "$name" sysctl -qw net.ipv4.ip_forward=1 \
	    net.ipv6.conf.all.forwarding=1
	ip -n public -6 route add "2001:db8:$k::/64" via "${LAB6[$name]}"
}

lab_rules()
{
	lab_exec "$1" nft -f -
}

# The input chain drops what nobody inside asked for before conntrack keeps
# it: an entry would take the very mapping the inside host needs next.
lab_nat()
{
	local name=$1 type=$2 source=masquerade filter target

	lab_router "$name"
	case $type in
	symmetric) source='masquerade fully-random' ;;
	port-restricted|full-cone) ;;
	*) fail "lab_nat: no type $type" ;;
	esac
	target=198.19.${LAB_ROUTERS[$name]% *}.2
	filter='ct state established,related accept'
	if [ "$type" = full-cone ]; then
		filter='ct status dnat accept'
	fi
	lab_rules "$name" <<-END
	table inet nat {
		chain input {
			type filter hook input priority 0; policy accept;
			iifname "eth0" meta l4proto { udp, tcp } drop
		}
		chain forward {
			type filter hook forward priority 0; policy accept;
			ct state established,related accept
			iifname "eth0" $filter
			iifname "eth0" drop
		}
		chain out {
			type nat hook postrouting priority 100;
			meta nfproto ipv4 oifname "eth0" $source
		}
	}
	END
	[ "$type" = full-cone ] || return 0
	lab_rules "$name" <<-END
	table inet nat {
		chain in {
			type nat hook prerouting priority -100;
			meta nfproto ipv4 iifname "eth0" \
			    meta l4proto { udp, tcp } dnat ip to $target
		}
	}
	END
}

lab_firewall()
{
	local name=$1 type=$2 pass

	[ -n "${LAB_ROUTERS[$name]-}" ] || lab_nat "$name" port-restricted
	case $type in
	no-udp) pass='meta l4proto tcp accept' ;;
	only-443) pass='tcp dport 443 accept' ;;
	*) fail "lab_firewall: no type $type" ;;
	esac
	lab_rules "$name" <<-END
	table inet firewall {
		chain forward {
			type filter hook forward priority 10; policy accept;
			iifname "inside" ct state established accept
			iifname "inside" $pass
			iifname "inside" drop
		}
	}
	END
}

# lab_count NAME DIRECTION PROTOCOL-MATCH: an independent byte counter on
# the public interface; lab_counted NAME DIRECTION reads "packets bytes".
lab_count()
{
	local name=$1 direction=$2 match=$3 hook=input key=iifname

	if [ "$direction" = out ]; then
		hook=output key=oifname
	fi
	lab_rules "$name" <<-END
	table inet count_$direction {
		counter wire { }
		chain c {
			type filter hook $hook priority -200; policy accept;
			$key "eth0" $match counter name wire
		}
	}
	END
}

lab_counted()
{
	lab_exec "$1" nft list counter inet "count_$2" wire |
		sed -n 's/.*packets \([0-9]*\) bytes \([0-9]*\).*/\1 \2/p'
}
