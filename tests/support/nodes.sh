# shellcheck shell=bash
# nodes: a server with signalling and WebSocket clients (ws.mjs).  Sourced
# after server.sh.
#
#	nodes_start		4 workers, an issuer of tokens, guests
#	nodes FILE		runs a test of node's: FILE.mjs beside the script
#
# NODES_SIGNALLING, NODES_AUTH: more lines of these sections.

nodes_start()
{
	need node
	: "${WORKERS:=4}"
	mkdir -p "$SRV_DIR"
	node "$ROOT/tests/support/ws_issuer.mjs" "$SRV_DIR"
	# server_config reads both
	# shellcheck disable=SC2034
	SRV_AUTH="	issuer \"login\" {
		jwks = \"$SRV_DIR/jwks.json\"
		issuer = \"https://login.example.test\"
		audience = \"supernode\"
	}
	anonymous = true
${NODES_AUTH-}"
	# shellcheck disable=SC2034
	SRV_MORE="signalling {
${NODES_SIGNALLING-}
}"
	export WORKERS
	server_start
}

# More arguments are the test's.
nodes()
{
	local file=$1

	shift
	PORT=$SRV_PORT TLS_PORT=$SRV_TLS_PORT SOCKET=$SRV_SOCKET \
	    ISSUER=$SRV_DIR/issuer.pem BUILD=$BUILD SERVER_PID=$SRV_PID \
	    node "$ROOT/tests/scenario/$file.mjs" "$@" ||
		fail "$file: see above"
}
