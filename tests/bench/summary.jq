# Runs (an array of what blast printed) into rows: per metric and load the
# minimum, median and maximum of each server and of the ratio within a round.
# A ratio above 1 is in supernoded's favour, whichever way the metric counts.

def median:
	sort | if length % 2 == 1 then .[(length - 1) / 2]
	else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def spread: {min: min, median: median, max: max};

def metrics: [
	{name: "stream", key: "packets_per_cpu_s", more: true,
	 what: "delivered packets per server CPU second"},
	{name: "echo", key: "cpu_ns_per_packet", more: false,
	 what: "server CPU per relayed packet at 20000 echoes/s, ns"},
	{name: "echo", key: "p50_us", more: false, what: "echo p50, us"},
	{name: "echo", key: "p99_us", more: false, what: "echo p99, us"},
	{name: "echo", key: "p999_us", more: false, what: "echo p99.9, us"},
	{name: "setup", key: "setups_per_cpu_s", more: true,
	 what: "allocations set up per server CPU second"},
	{name: "memory", key: "rss_per_allocation", more: false,
	 what: "resident bytes per allocation"}
];

def of($server; $key): map(select(.server == $server)) | sort_by(.round)
	| map(.[$key]);

def row($m):
	of("supernoded"; $m.key) as $ours
	| of("coturn"; $m.key) as $theirs
	| {
		what: $m.what, key: $m.key, way: .[0].way, size: .[0].size,
		allocations: .[0].allocations,
		ratio: ([range($ours | length)
			| if $m.more then [$ours[.], $theirs[.]]
			  else [$theirs[.], $ours[.]] end
			| if .[1] > 0 then .[0] / .[1] else null end]
			| map(select(. != null))
			| if length > 0 then spread else null end),
		supernoded: ($ours | spread),
		coturn: ($theirs | spread),
		busy: {
			supernoded: (of("supernoded"; "server_share")
				| map(. // 0) | median),
			coturn: (of("coturn"; "server_share")
				| map(. // 0) | median)
		}
	};

. as $runs
| {
	machine: $machine,
	rounds: ($runs | map(.round) | max),
	lost: ($runs | group_by(.server) | map({
		key: .[0].server, value: (map(.lost // 0) | add)})
		| from_entries),
	rows: [metrics[] as $m
		| $runs | map(select(.name == $m.name))
		| group_by([.size, .allocations, .way])[] | row($m)]
}
