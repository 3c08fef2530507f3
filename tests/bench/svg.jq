# The rows of summary.jq as a plot: one line per load and metric, left the
# figures of all three, right the ratios, each with its spread over the rounds.

def left: 330;			# where the figures' axis begins
def wide: 380;			# of each axis
def right: left + wide + 40;
def line: 19;			# height of a row
def ours: "#1b6ca8";
def coturn: "#d1495b";
def bare: "#7a7a7a";

def log10f: log / (10 | log);
def fixed: . * 10 | round / 10;
def short: if . >= 1e6 then "\(. / 1e5 | round / 10)M"
	elif . >= 1000 then "\(. / 1000 | fixed)k"
	elif . >= 10 then round | tostring
	elif . >= 0.01 then . * 100 | round / 100 | tostring
	else tostring end;

def text($x; $y; $class): "<text x=\"\($x | fixed)\" y=\"\($y | fixed)\""
	+ " class=\"\($class)\">\(.)</text>";
def rule($x; $y1; $y2; $class): "<line x1=\"\($x | fixed)\" x2=\"\($x | fixed)\""
	+ " y1=\"\($y1)\" y2=\"\($y2)\" class=\"\($class)\"/>";

# A dot with whiskers; x is a filter from a value to its place.
def dot($y; x; $colour; $what): if . == null or .min <= 0 then "" else
	"<g fill=\"\($colour)\" stroke=\"\($colour)\">"
	+ "<title>\($what): \(.median | short) "
	+ "(\(.min | short) to \(.max | short))</title>"
	+ "<line x1=\"\(.min | x | fixed)\" x2=\"\(.max | x | fixed)\""
	+ " y1=\"\($y)\" y2=\"\($y)\" stroke-width=\"2\"/>"
	+ "<circle cx=\"\(.median | x | fixed)\" cy=\"\($y)\" r=\"4\"/></g>" end;

# The decades that hold all values of an array: [from, to]
def decades: map(select(. > 0)) | if length == 0 then [0, 1] else
	[(min | log10f | floor), (max | log10f | ceil)]
	| if .[0] == .[1] then [.[0], .[1] + 1] else . end end;
# 1 2 5 10 .. of them; over many decades 1 10 100
def ticks: . as $d | (if $d[1] - $d[0] > 3 then [1] else [1, 2, 5] end) as $m
	| [range($d[0]; $d[1]) as $e | $m[] * pow(10; $e)] + [pow(10; $d[1])];
def place($d; $from): $from + wide * ((log10f) - $d[0]) / ($d[1] - $d[0]);

# One metric: its rows from height $top on.
def panel($top):
	. as $rows
	| ([$rows[].servers[] | .min, .max] | decades) as $d
	| ([$rows[] | .against_coturn, .against_bare | select(. != null)
		| .min, .max] + [0.8, 1.25] | decades) as $q
	| ($top + 50) as $first
	| ($first + ($rows | length) * line - line / 2) as $bottom
	| ($rows[0].what | text(10; $top + 14; "head")),
	(($d | ticks)[] | place($d; left) as $x
		| rule($x; $first - 10; $bottom; "grid"),
		(short | text($x; $first - 14; "tick"))),
	(($q | ticks)[] | place($q; right) as $x
		| rule($x; $first - 10; $bottom;
			if . > 0.99 and . < 1.01 then "one" else "grid" end),
		(short | text($x; $first - 14; "tick"))),
	(range($rows | length) as $i | $rows[$i]
		| ($first + $i * line) as $y
		| (.row | text(10; $y + 4; "row")),
		(if .bare then .servers[.bare] else null end
			| dot($y; place($d; left); bare; "bare")),
		(.servers.coturn | dot($y; place($d; left); coturn; "coturn")),
		(.servers.supernoded
			| dot($y; place($d; left); ours; "supernoded")),
		(.against_bare
			| dot($y; place($q; right); bare; "against bare")),
		(.against_coturn
			| dot($y; place($q; right); coturn; "against coturn")));

def keys_in_order: reduce .rows[].key as $k ([];
	if any(.[]; . == $k) then . else . + [$k] end);
def height($rows): ($rows | length) * line + 64;

. as $all
| [keys_in_order[] as $k | $all.rows | map(select(.key == $k))] as $panels
| (70 + ($panels | map(height(.)) | add // 0)) as $tall
| (right + wide + 30) as $across
| "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\($across)\""
	+ " height=\"\($tall)\" viewBox=\"0 0 \($across) \($tall)\">",
"<style>text{font:12px sans-serif;fill:#222}.head{font-weight:bold}"
	+ ".title{font:bold 15px sans-serif}.axis{fill:#666}"
	+ ".tick{font-size:10px;fill:#666;text-anchor:middle}"
	+ ".row{font-family:monospace}.grid{stroke:#e4e4e4}"
	+ ".one{stroke:#222;stroke-width:1.5}</style>",
"<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
("\(.machine.supernoded), coturn \(.machine.coturn), bare forwarders: "
	+ "medians of \(.rounds) rounds, minimum to maximum"
	| text(10; 24; "title")),
([["supernoded", ours, 0], ["coturn", coturn, 95],
	["best bare forwarder", bare, 160]][] as $l
	| "<circle cx=\"\(15 + $l[2])\" cy=\"44\" r=\"4\" fill=\"\($l[1])\"/>",
	($l[0] | text(24 + $l[2]; 48; ""))),
("figures" | text(left + 20; 48; "axis")),
("ratios: right of 1 supernoded is better" | text(right; 48; "axis")),
(range($panels | length) as $i | $panels[$i]
	| panel(64 + ($panels[:$i] | map(height(.)) | add // 0))),
"</svg>"
