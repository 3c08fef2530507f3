#!/usr/bin/env bash
# Goal: without any configuration no address of the deny list (special-use
# ranges, first and last address of each, and IPv4 addresses hidden in IPv6
# ones) can be made a peer by CreatePermission or ChannelBind: 403.  The
# server's own listeners neither; its relayed addresses can.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "coturn denies less"

lab_net
lab_host server
lab_host alice
SRV_RELAY=$'\tallow = {}'
server_start server
probe_start four alice
probe_start six alice
joins four udp "$(udp4)"
joins six udp "$(udp4)" family=6

DENIED4=(
	0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0
	100.127.255.255 127.0.0.1 127.255.255.255 169.254.0.0 169.254.169.254
	169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.255
	192.0.2.0 192.0.2.255 192.31.196.0 192.31.196.255 192.52.193.0
	192.52.193.255 192.88.99.0 192.88.99.255 192.168.0.0 192.168.255.255
	192.175.48.0 192.175.48.255 198.18.0.0 198.19.255.255 198.51.100.0
	198.51.100.255 203.0.113.0 203.0.113.255 224.0.0.0 239.255.255.255
	240.0.0.0 255.255.255.255 100.100.100.200
)
DENIED6=(
	:: ::1 ::ffff:0:0 ::ffff:255.255.255.255
	64:ff9b::0 64:ff9b:1:: 64:ff9b:1:ffff:ffff:ffff:ffff:ffff
	100:: 100::ffff:ffff:ffff:ffff 100:0:0:1:: 100::1:ffff:ffff:ffff:ffff
	2001:: 2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff
	2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff
	2002:: 2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff
	2620:4f:8000:: 2620:4f:8000:ffff:ffff:ffff:ffff:ffff
	3fff:: 3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff
	5f00:: 5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff
	fc00:: fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fd00:ec2::254
	fe80:: fe80::1 febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff
	fec0:: feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
	ff00:: ff02::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
	# 127.0.0.1, 10.0.0.1 and 169.254.169.254: mapped, compatible, 6to4,
	# NAT64, Teredo (client part inverted)
	::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
	::127.0.0.1 ::10.0.0.1 ::169.254.169.254
	2002:7f00:1:: 2002:a00:1::1 2002:a9fe:a9fe::
	64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254
	2001:0:4136:e378:8000:63bf:80ff:fffe
	2001:0:4136:e378:8000:63bf:f5ff:fffe
	2001:0:4136:e378:8000:63bf:5601:5601
	# 8.8.8.8 hidden the same ways: the tunnel itself is denied
	::ffff:8.8.8.8 2002:808:808::1 64:ff9b::8.8.8.8
	2001:0:4136:e378:8000:63bf:f7f7:f7f7
)
ALLOWED4=(8.8.8.8 1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0
    172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255
    198.20.0.0 223.255.255.255)
ALLOWED6=(2001:4860:4860::8888 2606:4700::1111 2001:200::1 2001:db7::1
    2001:db9::1 2003::1 3ffe::1 2a00::1)

for peer in "${DENIED4[@]}"; do
	refused 403 four permit "$peer:5000"
	refused 403 four channel 0x4001 "$peer:5000"
done
say "ok: ${#DENIED4[@]} IPv4 addresses are refused"
for peer in "${DENIED6[@]}"; do
	refused 403 six permit "[$peer]:5000"
	refused 403 six channel 0x4001 "[$peer]:5000"
done
say "ok: ${#DENIED6[@]} IPv6 addresses are refused"
# one denied address spoils the whole request
refused 403 four permit 8.8.8.8:5000 10.0.0.1:5000
for peer in "${ALLOWED4[@]}"; do
	want four permit "$peer:5000"
done
for peer in "${ALLOWED6[@]}"; do
	want six permit "[$peer]:5000"
done
say "ok: $((${#ALLOWED4[@]} + ${#ALLOWED6[@]})) public ones are not"

# ourselves
refused 403 four channel 0x4001 "$(udp4)"
refused 403 four channel 0x4001 "$(tls4)"
refused 403 four channel 0x4001 "$SRV_IP4:443"
refused 403 six channel 0x4001 "$(udp6)"
refused 403 four channel 0x4001 "127.0.0.1:$SRV_ADMIN_PORT"
probe_start other alice
joins other udp "$(udp4)"
joins four udp "$(udp4)"
calls four other 100
server_lives
