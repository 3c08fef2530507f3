# The rows of summary.jq as a Markdown table, ratios first.

def digits: if . >= 1000 then round
	elif . >= 10 then . * 10 | round / 10
	else . * 100 | round / 100 end;
def percent: . * 100 | round | tostring + " %";
def figures: if . == null then "-" else
	"\(.median | digits) (\(.min | digits) to \(.max | digits))" end;
def busy: if .key | test("_per_cpu_s$|^cpu_") and (startswith("setups") | not)
	then "\(.busy.supernoded | percent), \(.busy.coturn | percent)"
	else "" end;
def load: if .way == "setup" then "\(.allocations) allocations"
	else "\(.way), \(.allocations) x \(.size) B" end;

"Machine: \(.machine.cpu), \(.machine.cores) cores, Linux \(.machine.kernel).",
"\(.machine.supernoded) against coturn \(.machine.coturn), \(.rounds) rounds.",
"Median (minimum to maximum); a ratio above 1 is in supernoded's favour.",
(.rows as $rows | range($rows | length) as $i | $rows[$i]
	| (if $i == 0 or $rows[$i - 1].key != .key then
		"", "### \(.what)", "",
		"| load | ratio | supernoded | coturn | cores busy |",
		"|---|---|---|---|---|" else empty end),
	"| \(load) | **\(.ratio | figures)** | \(.supernoded | figures) "
	+ "| \(.coturn | figures) | \(busy) |"),
"",
"Packets lost: supernoded \(.lost.supernoded), coturn \(.lost.coturn)."
