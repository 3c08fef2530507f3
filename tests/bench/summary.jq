# Runs (an array of what blast printed) into rows: per load and metric the
# minimum, median and maximum of each server, and of the ratios within a
# round.  A ratio above 1 is in supernoded's favour, whichever way the metric
# counts.  The bare forwarder of a row is the one with the best median.

def median:
	sort | if length % 2 == 1 then .[(length - 1) / 2]
	else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def spread: if length == 0 then null
	else {min: min, median: median, max: max} end;

def metrics: [
	{key: "packets_per_cpu_s", ways: ["up", "down", "both", "across"],
	 more: true, what: "delivered packets per server CPU second"},
	{key: "calls_per_packet", ways: ["up", "down", "both", "across"],
	 more: false, what: "system calls of the server per delivered packet"},
	{key: "cpu_ns_per_packet", ways: ["echo"], more: false,
	 what: "server CPU per relayed packet at 20000 echoes/s, ns"},
	{key: "p50_us", ways: ["echo"], more: false, what: "echo p50, us"},
	{key: "p99_us", ways: ["echo"], more: false, what: "echo p99, us"},
	{key: "p999_us", ways: ["echo"], more: false, what: "echo p99.9, us"},
	{key: "setups_per_cpu_s", rows: "^setup", more: true,
	 what: "allocations set up per server CPU second"},
	{key: "bytes_per_allocation", rows: "^memory", more: false,
	 what: "anonymous memory per allocation with a channel, bytes"},
	{key: "bytes_per_connection", rows: "^idle", more: false,
	 what: "anonymous memory per idle TLS connection, bytes"}
];

# supernoded against itself has a table of its own
def is_alone: .row | startswith("workers-");
def is_of($m): if is_alone then false elif $m.rows then .row | test($m.rows)
	else .way as $w | $m.ways | any(. == $w) end;

# {round: value} of one server
def values($server; $key):
	map(select(.server == $server and .[$key] != null)
		| {key: (.round | tostring), value: .[$key]}) | from_entries;

def ratios($ours; $theirs; $more):
	[$ours | to_entries[] | select($theirs[.key] != null)
		| [.value, $theirs[.key]] | if $more then . else reverse end
		| select(.[1] > 0) | .[0] / .[1]] | spread;

def best($more):
	to_entries | map(select(.key | startswith("bare-")))
	| if $more then max_by(.value.median) else min_by(.value.median) end
	| .key // null;

def row($m):
	. as $runs
	| (map(.server) | unique) as $servers
	| ([$servers[] as $s | {key: $s, value: ($runs | values($s; $m.key)
		| [.[]] | spread)} | select(.value != null)]
		| from_entries) as $spreads
	| ($spreads | best($m.more)) as $bare
	| values("supernoded"; $m.key) as $ours
	| {
		row: .[0].row, key: $m.key, what: $m.what, more: $m.more,
		servers: $spreads, bare: $bare,
		against_coturn:
			ratios($ours; values("coturn"; $m.key); $m.more),
		against_bare: (if $bare
			then ratios($ours; values($bare; $m.key); $m.more)
			else null end),
		busy: ([$servers[] as $s | {key: $s, value: ($runs
			| values($s; "server_share") | [.[]]
			| spread | .median)}] | from_entries)
	};

# Of one row: CPU per packet with each number of workers, and what it is of
# that with as many processes of one worker, and of one worker, in the same
# round (above 1: the workers of one process cost more).
def by_workers:
	. as $runs
	| (map(.server) | unique) as $servers
	| def cost($s): $runs | values($s; "cpu_ns_per_packet");
	def to($base): . as $s | ratios(cost($base); cost($s); false);
	{
		row: .[0].row,
		servers: [$servers[] | {key: ., value: (cost(.) | [.[]]
			| spread)}] | from_entries,
		against_apart: [2, 4 | {key: "workers-\(.)",
			value: ("apart-\(.)" as $a | "workers-\(.)"
			| to($a))}] | from_entries,
		against_one: [2, 4 | {key: "workers-\(.)",
			value: ("workers-\(.)" | to("workers-1"))}]
			| from_entries
	};

# rows keep the order in which they were measured
(reduce .[].row as $r ([]; if any(.[]; . == $r) then . else . + [$r] end))
	as $order
| . as $runs
| {
	machine: $machine,
	rounds: ($runs | map(.round) | max),
	lost: ($runs | group_by(.server) | map({
		key: .[0].server, value: (map(.lost // 0) | add)})
		| from_entries),
	rows: [metrics[] as $m | $order[] as $r
		| $runs | map(select(.row == $r and is_of($m)))
		| select(any(.[]; .[$m.key] != null)) | row($m)],
	workers: [$order[] as $r | $runs | map(select(.row == $r and is_alone))
		| select(length > 0) | by_workers],
	runs: $runs
}
