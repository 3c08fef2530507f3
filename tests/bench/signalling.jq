# What chatter found, as a table; a ratio is that of neighbours in one round.
def median: sort | .[(length - 1) / 2 | floor];
def spread(f): "\(median | f) (\(min | f) to \(max | f))";
def per(a; b): [group_by(.round)[] |
    (map({(.row): .per_cpu_second}) | add) |
    select(.[a] != null and .[b] != null) | .[a] / .[b]];
def hundredths: . * 100 | round / 100;

"| pairs | server | delivered per CPU second | of a core, % |",
"|---|---|---|---|",
(group_by(.pairs)[] | group_by(.row)[] |
    "| \(.[0].pairs) | \(.[0].row) | \(map(.per_cpu_second) |
    spread(floor)) | \(map(.cpu_share) | median * 100 | floor) |"),
"",
"| pairs | ratio | median (least to most) |",
"|---|---|---|",
(group_by(.pairs)[] | .[0].pairs as $pairs | . as $runs |
    (["supernode", "nats"], ["supernode", "redis"], ["supernode", "echo"],
	["supernode-tls", "echo-tls"]) as [$a, $b] | $runs | per($a; $b) |
    select(length > 0) |
    "| \($pairs) | \($a) to \($b) | **\(spread(hundredths))** |")
