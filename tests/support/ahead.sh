# ahead.sh: ahead of what else runs here, where that is allowed (root); where
# the kernel shares by session (autogroup), the session's own weight is what
# counts.  Source it after check.sh; start programs with "${PRIORITY[@]}".
# shellcheck shell=bash
PRIORITY=(nice -n -15)
[ "$("${PRIORITY[@]}" nice 2>/dev/null)" = -15 ] || PRIORITY=()
autogroup_was=$(sed 's/.*nice //' "/proc/$$/autogroup" 2>/dev/null || :)
autogroup()
{
	[ -z "$autogroup_was" ] ||
		echo "$1" 2>/dev/null >"/proc/$$/autogroup" || :
}
autogroup_back() { autogroup "$autogroup_was"; }
on_exit autogroup_back
autogroup -15
