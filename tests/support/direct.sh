# shellcheck shell=bash
# direct: what ICE would try first.  Sourced after probe.sh.

# direct_attempt A B [A-WANTS B-WANTS]: both learn their reflexive addresses
# from the server and send to each other's at the same time.  Sets ALICE_GOT
# and BOB_GOT to how many of 20 packets came.  Who wants any gets the time.
direct_attempt()
{
	local a=$1 b=$2 a_mapped b_mapped a_ms=300 b_ms=300

	[ "${3-0}" -eq 0 ] || a_ms=20000
	[ "${4-0}" -eq 0 ] || b_ms=20000

	want "$a" open udp "$(udp4)"
	want "$b" open udp "$(udp4)"
	want "$a" bind
	a_mapped=$(field mapped)
	want "$b" bind
	b_mapped=$(field mapped)
	say "direct: $a is seen as $a_mapped, $b as $b_mapped"
	# the first round opens the way, the second must pass
	for _ in 1 2; do
		want "$a" reset
		want "$b" reset
		tell "$a" send direct "$b_mapped" 20 100 5000
		tell "$b" send direct "$a_mapped" 20 100 5000
		hear "$a"
		hear "$b"
	done
	# the probes answer with what they have: 20, or what came until then
	ask "$a" await received 20 "$a_ms"
	ALICE_GOT=$(field received)
	ask "$b" await received 20 "$b_ms"
	BOB_GOT=$(field received)
	# read by the tests
	export ALICE_GOT BOB_GOT
}
