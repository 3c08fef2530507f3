# shellcheck shell=bash
# mode: the same tests with mechanisms of the packet path switched on or off.
# Sourced by server.sh.
#
#	MODE=                    what the server does by itself
#	MODE=on, MODE=off        all of them, none
#	MODE=only-NAME, no-NAME  one of them, all but one (offload, io-uring...)
#
# A mode's keys are defaults: what a test sets itself (SRV_LISTEN, SRV_RELAY)
# stays.  A key that the server does not know is left out, and said.

: "${MODE:=}"
MODE_KEYS=(listen.offload relay.hairpin relay.io-uring)
MODE_SET=()

# mode_default SECTION.KEY: what it is when nobody sets it, nothing where
# supernoded does not know it.
mode_default()
{
	local conf=$TMP/mode.conf

	[ -x "$BUILD/supernoded" ] || fail "$BUILD/supernoded: make all"
	cat >"$conf" <<-END
	node { name = "mode" realm = "mode" state = "$TMP" run = "$TMP" }
	listen { tls = {} dtls = {} }
	relay { addresses = {"127.0.0.1"} }
	auth { secret = {"mode"} }
	caps { rate = "unlimited" }
	END
	"$BUILD/supernoded" -c "$conf" --dump-config >"$conf.dump" ||
		fail "mode: supernoded --dump-config: $?"
	awk -v section="${1%%.*}" -v key="${1#*.}" '
	    $2 == "{" { at = $1 }
	    at == section && $1 == key { print $3 }' "$conf.dump"
}

# mode_value SECTION.KEY: true or false in this mode.
mode_value()
{
	local name=${1#*.}

	case $MODE in
	on|only-"$name")	echo true ;;
	off|no-"$name")		echo false ;;
	only-*)			echo false ;;
	no-*)			echo true ;;
	esac
}

# Sets MODE_SET: SECTION.KEY=VALUE each.
mode_begin()
{
	local key

	MODE_SET=()
	[ -n "$MODE" ] || return 0
	[[ " on off ${MODE_KEYS[*]/#*./only-} ${MODE_KEYS[*]/#*./no-} " == \
	    *" $MODE "* ]] || fail "MODE: no $MODE"
	for key in "${MODE_KEYS[@]}"; do
		if [ -n "$(mode_default "$key")" ]; then
			MODE_SET+=("$key=$(mode_value "$key")")
		else
			say "mode $MODE: this server has no $key"
		fi
	done
	say "mode $MODE: ${MODE_SET[*]}"
}

# mode_lines SECTION: its lines for the configuration file.
mode_lines()
{
	local pair

	for pair in "${MODE_SET[@]}"; do
		[[ $pair != "$1".* ]] || sed 's/=/ = /' <<<"${pair#*.}"
	done
}
