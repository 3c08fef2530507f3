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
"",
"Packets lost: " + (.lost | to_entries | map(select(.key
	| test("^(supernoded|coturn)$")) | "\(.key) \(.value)") | join(", ")) + "."
