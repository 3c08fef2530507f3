# The rows of summary.jq as a Markdown table, ratios first.

def digits: if . >= 1000 then round
	elif . >= 10 then . * 10 | round / 10
	else . * 100 | round / 100 end;
def percent: if . == null then "-" else . * 100 | round | tostring end;
def figures: if . == null then "-" else
	"\(.median | digits) (\(.min | digits) to \(.max | digits))" end;
def bold: if . == null then "-" else "**\(figures)**" end;
def bare: if .bare == null then "-" else
	"\(.servers[.bare] | figures), \(.bare | ltrimstr("bare-"))" end;
def busy: [.busy.supernoded, .busy.coturn, .busy[.bare // ""]]
	| map(percent) | join(", ");

"Machine: \(.machine.cpu), \(.machine.cores) cores, Linux \(.machine.kernel).",
"\(.machine.supernoded) against coturn \(.machine.coturn), \(.rounds) rounds.",
"Median (minimum to maximum); a ratio above 1 is in supernoded's favour.",
(.rows as $rows | range($rows | length) as $i | $rows[$i]
	| (if $i == 0 or $rows[$i - 1].key != .key then
		"", "### \(.what)", "",
		"| load | against coturn | against bare | supernoded | coturn "
		+ "| best bare | cores busy, % |",
		"|---|---|---|---|---|---|---|" else empty end),
	"| \(.row) | \(.against_coturn | bold) | \(.against_bare | bold) "
	+ "| \(.servers.supernoded | figures) | \(.servers.coturn | figures) "
	+ "| \(bare) | \(busy) |"),
(if .workers == [] then empty else
	"", "### server CPU per delivered packet by number of workers, ns", "",
	"| load | 2 workers to 2 apart | 4 workers to 4 apart | 2 to 1 | 4 to 1 "
	+ "| 1 worker | 2 workers | 2 apart | 4 workers | 4 apart |",
	"|---|---|---|---|---|---|---|---|---|---|",
	(.workers[] | "| \(.row) "
	+ "| \(.against_apart["workers-2"] | bold) "
	+ "| \(.against_apart["workers-4"] | bold) "
	+ "| \(.against_one["workers-2"] | figures) "
	+ "| \(.against_one["workers-4"] | figures) "
	+ (. as $row | ["workers-1", "workers-2", "apart-2", "workers-4",
		"apart-4"] | map("| \($row.servers[.] | figures) ") | join(""))
	+ "|"),
	"", "Here a ratio above 1 says that more is spent." end),
"",
"Packets lost: " + (.lost | to_entries | map(select(.key
	| test("^(supernoded|coturn)$")) | "\(.key) \(.value)") | join(", ")) + "."
