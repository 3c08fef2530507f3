#include "relay/snapshot_key.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/units.h"
#include "relay/snapshot_kind.h"

#define AT(field) offsetof(struct snapshot, field)

/* A key that this version serves. */
#define KEY(sec, key, k, field, ...)                                     \
	{                                                                \
		.section = sec, .name = key, .kind = &snapshot_kind_##k, \
		.offset = AT(field), __VA_ARGS__                         \
	}
/* A key that it knows and does not serve, but with the value def, which
 * asks for nothing. */
#define NOT_YET(sec, key, neutral)                                            \
	{                                                                     \
		.section = sec, .name = key, .kind = &snapshot_kind_unserved, \
		.def = neutral                                                \
	}
#define NOT_YET_LIST(sec, key)                       \
	{                                            \
		.section = sec, .name = key,         \
		.kind = &snapshot_kind_unserved_list \
	}

#define ANY_3478 "0.0.0.0:3478 [::]:3478"
#define ANY_5349 "0.0.0.0:5349 [::]:5349"
/* A socket of all clients of a worker, and one of a single client. */
#define LISTEN_BUFFER "4MiB"
#define RELAY_BUFFER  "1MiB"

const struct snapshot_key snapshot_keys[] = {
	KEY("node", "name", name, node.name, .max = SNAPSHOT_NAME_MAX),
	KEY("node", "realm", realm, node.realm, .max = SNAPSHOT_REALM_MAX),
	KEY("node", "workers", count, node.workers, .def = "0",
	    .max = SNAPSHOT_WORKERS_MAX),
	KEY("node", "state", dir, node.state, .def = "/var/lib/supernode"),
	KEY("node", "run", dir, node.run, .def = "/run/supernode"),
	KEY("node", "contact", text, node.contact, .def = ""),

	KEY("listen", "udp", listeners, listen.udp, .def = ANY_3478),
	KEY("listen", "tcp", listeners, listen.tcp, .def = ANY_3478),
	KEY("listen", "tls", listeners, listen.tls, .def = ANY_5349),
	KEY("listen", "dtls", listeners, listen.dtls, .def = ANY_5349),
	KEY("listen", "certificate", path, listen.certificate, .def = ""),
	KEY("listen", "private-key", path, listen.private_key, .def = ""),
	KEY("listen", "proxy-protocol", prefixes, listen.proxy, .def = ""),
	KEY("listen", "receive-buffer", size, listen.receive_buffer,
	    .def = LISTEN_BUFFER, .max = SNAPSHOT_BUFFER_MAX),
	KEY("listen", "send-buffer", size, listen.send_buffer,
	    .def = LISTEN_BUFFER, .max = SNAPSHOT_BUFFER_MAX),
	KEY("listen", "offload", bool, listen.offload, .def = "true"),

	KEY("relay", "enabled", bool, relay.enabled, .def = "true"),
	KEY("relay", "addresses", hosts, relay.addresses, .def = ""),
	KEY("relay", "external", externals, relay.external, .def = ""),
	KEY("relay", "ports", ports, relay.port_min, .def = "49152-65535"),
	KEY("relay", "allow", prefixes, relay.allow, .def = ""),
	KEY("relay", "deny", prefixes, relay.deny, .def = ""),
	KEY("relay", "receive-buffer", size, relay.receive_buffer,
	    .def = RELAY_BUFFER, .max = SNAPSHOT_BUFFER_MAX),
	KEY("relay", "send-buffer", size, relay.send_buffer,
	    .def = RELAY_BUFFER, .max = SNAPSHOT_BUFFER_MAX),
	KEY("relay", "hairpin", bool, relay.hairpin, .def = "true"),
	NOT_YET("relay", "tcp", "false"),
	NOT_YET("relay", "members-only", ""),
	NOT_YET_LIST("relay", "alternates"),

	KEY("auth", "secret", secrets, auth.secrets, .def = ""),
	KEY("auth", "secret-file", path, auth.secret_file, .def = ""),
	NOT_YET("auth", "anonymous", "false"),

	KEY("caps", "rate", rate, caps.rate, .def = "unlimited"),
	KEY("caps", "burst", burst, caps.burst, .def = "250ms"),
	KEY("caps", "allocations", count, caps.allocations, .def = "10000",
	    .min = 1, .max = 10000000),
	KEY("caps", "allocations-per-user", count, caps.allocations_per_user,
	    .def = "16", .min = 1, .max = 10000000),
	KEY("caps", "unauthenticated", count, caps.unauthenticated,
	    .def = "500", .min = 1, .max = 10000000),
	KEY("caps", "connections", count, caps.connections, .def = "20000",
	    .min = 1, .max = 10000000),
	KEY("caps", "connections-per-prefix", count,
	    caps.connections_per_prefix, .def = "2000", .min = 1,
	    .max = 10000000),
	NOT_YET("caps", "rate-per-user", ""),
	NOT_YET("caps", "rate-per-allocation", ""),
	NOT_YET("caps", "quota-day", ""),
	NOT_YET("caps", "quota-month", ""),
	NOT_YET("caps", "month-starts", ""),
	NOT_YET("caps", "at-quota", ""),
	NOT_YET("caps", "trickle", ""),

	KEY("admin", "listen", admin, admin.listen, .def = "127.0.0.1:9641"),
	KEY("admin", "socket", text, admin.socket, .def = ""),
	NOT_YET("admin", "page", "false"),
	NOT_YET("admin", "public", "false"),

	KEY("log", "level", level, log.level, .def = "info"),
	KEY("log", "target", target, log.target, .def = "stderr"),

	NOT_YET("signalling", "enabled", "false"),
	NOT_YET("signalling", "peerjs", "false"),
	NOT_YET("signalling", "page", "false"),
	NOT_YET_LIST("signalling", "origins"),
	NOT_YET("signalling", "max-message", ""),
	NOT_YET("signalling", "wait", ""),
	NOT_YET("signalling", "sessions", ""),
	NOT_YET("signalling", "sessions-per-name", ""),

	NOT_YET("audit", "file", ""),
	NOT_YET("audit", "subjects", ""),
	NOT_YET("audit", "retention", ""),
	NOT_YET("audit", "on-failure", ""),

	NOT_YET("cluster", "redis", ""),
	NOT_YET("cluster", "link", ""),
	NOT_YET_LIST("cluster", "peers"),
	NOT_YET("cluster", "certificate", ""),
	NOT_YET("cluster", "private-key", ""),
	NOT_YET("cluster", "ca", ""),

	NOT_YET_LIST("policy", "sites"),
	NOT_YET("policy", "resolver", ""),
	NOT_YET("policy", "file", ""),

	/* of titled sections, which are refused as a whole */
	NOT_YET("issuer", "jwks", NULL),
	NOT_YET("issuer", "issuer", NULL),
	NOT_YET("issuer", "audience", NULL),
	NOT_YET_LIST("network", "prefixes"),
	NOT_YET("network", "rate", NULL),
	NOT_YET("network", "counts-to-quota", NULL),
	NOT_YET("network", "relay", NULL),
	NOT_YET("schedule", "days", NULL),
	NOT_YET("schedule", "from", NULL),
	NOT_YET("schedule", "to", NULL),
	NOT_YET("schedule", "rate", NULL),
};

const size_t snapshot_key_count =
    sizeof(snapshot_keys) / sizeof(snapshot_keys[0]);
_Static_assert(
    sizeof(snapshot_keys) / sizeof(snapshot_keys[0]) <= SNAPSHOT_KEYS_MAX,
    "room for every key");

const struct snapshot_key *
snapshot_key_find(const char *section, const char *name)
{
	for (size_t i = 0; i < snapshot_key_count; i++) {
		const struct snapshot_key *k = &snapshot_keys[i];

		if (strcmp(k->section, section) == 0 &&
		    strcmp(k->name, name) == 0)
			return k;
	}
	return NULL;
}
