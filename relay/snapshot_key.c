#include "relay/snapshot_key.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "common/secret.h"
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

/* Of a section with a title, which is a list of items. */
#define NETWORK(key, k, field, ...)                                            \
	{                                                                      \
		.section = "network", .name = key, .kind = &snapshot_kind_##k, \
		.offset = offsetof(struct snapshot_network, field),            \
		.is_item = true, __VA_ARGS__                                   \
	}
#define SCHEDULE(key, k, field, ...)                                 \
	{                                                            \
		.section = "schedule", .name = key,                  \
		.kind = &snapshot_kind_##k,                          \
		.offset = offsetof(struct snapshot_schedule, field), \
		.is_item = true, __VA_ARGS__                         \
	}
#define ISSUER(key, k, field, ...)                                            \
	{                                                                     \
		.section = "issuer", .name = key, .kind = &snapshot_kind_##k, \
		.offset = offsetof(struct snapshot_issuer, field),            \
		.is_item = true, __VA_ARGS__                                  \
	}

#define SIGNAL(key, k, field, ...)                                          \
	{                                                                   \
		.section = "signalling", .name = key,                       \
		.kind = &snapshot_kind_##k, .offset = AT(signalling.field), \
		__VA_ARGS__                                                 \
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
	KEY("relay", "io-uring", bool, relay.io_uring, .def = "true"),
	NOT_YET("relay", "tcp", "false"),
	KEY("relay", "members-only", members, relay.members_only, .def = ""),
	KEY("relay", "alternates", servers, relay.alternates, .def = ""),

	KEY("auth", "secret", secrets, auth.secrets, .def = ""),
	KEY("auth", "secret-file", path, auth.secret_file, .def = ""),
	KEY("auth", "anonymous", bool, auth.anonymous, .def = "false"),

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
	KEY("caps", "rate-per-user", own_rate, caps.rate_per_user, .def = ""),
	KEY("caps", "burst-per-user", burst, caps.burst_per_user,
	    .def = "250ms"),
	KEY("caps", "rate-per-allocation", own_rate, caps.rate_per_allocation,
	    .def = ""),
	KEY("caps", "burst-per-allocation", burst, caps.burst_per_allocation,
	    .def = "250ms"),
	KEY("caps", "quota-day", quota, caps.quota_day, .def = ""),
	KEY("caps", "quota-month", quota, caps.quota_month, .def = ""),
	KEY("caps", "quota-day-per-user", quota, caps.user_quota_day,
	    .def = ""),
	KEY("caps", "quota-month-per-user", quota, caps.user_quota_month,
	    .def = ""),
	KEY("caps", "month-starts", month, caps.month_day, .def = "1"),
	KEY("caps", "time-zone", text, caps.time_zone, .def = ""),
	KEY("caps", "at-quota", at_quota, caps.at_quota, .def = "trickle"),
	KEY("caps", "trickle", trickle, caps.trickle, .def = "256kbit/s"),

	KEY("admin", "listen", admin, admin.listen, .def = "127.0.0.1:9641"),
	KEY("admin", "socket", text, admin.socket, .def = ""),
	NOT_YET("admin", "page", "false"),
	NOT_YET("admin", "public", "false"),

	KEY("log", "level", level, log.level, .def = "info"),
	KEY("log", "target", target, log.target, .def = "stderr"),

	SIGNAL("enabled", bool, enabled, .def = "true"),
	SIGNAL("peerjs", bool, peerjs, .def = "false"),
	SIGNAL("peerjs-discovery", bool, peerjs_discovery, .def = "false"),
	SIGNAL("page", bool, page, .def = "false"),
	SIGNAL("origins", origins, origins, .def = ""),
	SIGNAL("max-message", message, max_message, .def = "64KiB"),
	SIGNAL("wait", wait, wait_ms, .def = "5s"),
	SIGNAL("waiting", count, waiting, .def = "32", .max = 10000),
	SIGNAL("waiting-bytes", message, waiting_bytes, .def = "128KiB"),
	SIGNAL("sessions", count, sessions, .def = "100000", .min = 1,
	    .max = 10000000),
	SIGNAL("sessions-per-name", count, sessions_per_name, .def = "8",
	    .min = 1, .max = 64),
	SIGNAL("sessions-per-address", count, sessions_per_address,
	    .def = "500", .min = 1, .max = 10000000),
	SIGNAL("sessions-per-prefix", count, sessions_per_prefix, .def = "2000",
	    .min = 1, .max = 10000000),
	SIGNAL(
	    "pending", count, pending, .def = "2000", .min = 1, .max = 1000000),
	SIGNAL("messages", count, messages, .def = "50", .min = 1,
	    .max = 10000000),
	SIGNAL("bytes", pace, bytes, .def = "2Mbit/s"),
	SIGNAL("watches", count, watches, .def = "256", .max = 10000),
	SIGNAL("credentials", lifetime, credential_s, .def = "1h"),
	SIGNAL("rest-keys", secrets, rest_keys, .def = ""),

	KEY("audit", "file", file, audit.file, .def = ""),
	KEY("audit", "subjects", subjects, audit.subjects, .def = "full"),
	KEY("audit", "rotate", rotate, audit.rotate_bytes, .def = "64MiB"),
	KEY("audit", "retention", retention, audit.retention_s, .def = "90d"),
	KEY("audit", "on-failure", on_failure, audit.on_failure,
	    .def = "continue"),

	NOT_YET("cluster", "redis", ""),
	NOT_YET("cluster", "link", ""),
	NOT_YET_LIST("cluster", "peers"),
	NOT_YET("cluster", "certificate", ""),
	NOT_YET("cluster", "private-key", ""),
	NOT_YET("cluster", "ca", ""),

	KEY("policy", "sites", sites, policy.sites, .def = ""),
	KEY("policy", "resolver", resolver, policy.resolver, .def = ""),
	KEY("policy", "file", path, policy.file, .def = ""),

	NETWORK("prefixes", prefixes, prefixes, .def = ""),
	NETWORK("rate", own_rate, rate, .def = ""),
	NETWORK("burst", burst, burst, .def = "250ms"),
	NETWORK("quota-day", quota, quota_day, .def = ""),
	NETWORK("quota-month", quota, quota_month, .def = ""),
	NETWORK("counts-to-quota", bool, counts_to_quota, .def = "true"),
	NETWORK("relay", bool, relay, .def = "true"),

	SCHEDULE("days", days, days, .def = "mon-sun"),
	SCHEDULE("from", minute, from, .max = 24 * 60 - 1),
	SCHEDULE("to", minute, to, .max = 24 * 60),
	SCHEDULE("rate", rate, rate, .def = "unlimited"),
	SCHEDULE("relay", bool, relay, .def = "true"),

	ISSUER("jwks", jwks, jwks),
	ISSUER("issuer", claim, issuer, .max = SNAPSHOT_CLAIM_MAX),
	ISSUER("audience", claim, audience, .max = SNAPSHOT_CLAIM_MAX),
	ISSUER("name-claim", claim, name_claim, .def = "sub",
	    .max = SNAPSHOT_CLAIM_MAX),
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

/* ---- values */

void
snapshot_key_free(void *base, const struct snapshot_key *k)
{
	struct snapshot_list list;
	char *text;

	if (k->kind->is_list) {
		memcpy(&list, (char *)base + k->offset, sizeof(list));
		for (size_t i = 0; k->kind->is_text && i < list.count; i++)
			secret_free(((char **)list.at)[i]);
		mem_free(list.at);
	} else if (k->kind->is_text) {
		memcpy(&text, (char *)base + k->offset, sizeof(text));
		mem_free(text);
	}
}

/* How many elements k has to write: of the secrets, those of the file. */
static size_t
count_of(const void *base, const struct snapshot_key *k,
    const struct snapshot_list *list)
{
	const struct snapshot *s = base;

	return !k->is_item && k->offset == AT(auth.secrets)
	    ? s->auth.secret_inline
	    : list->count;
}

void
snapshot_key_print(FILE *out, const void *base, const struct snapshot_key *k)
{
	const char *field = (const char *)base + k->offset;
	struct snapshot_list list;

	if (!k->kind->is_list) {
		k->kind->print(out, field);
		return;
	}
	memcpy(&list, field, sizeof(list));
	fputc('{', out);
	for (size_t i = 0; i < count_of(base, k, &list); i++) {
		fputs(i > 0 ? ", " : "", out);
		k->kind->print(out, (const char *)list.at + i * k->kind->size);
	}
	fputc('}', out);
}

/* The value of k as text, the caller's (free); NULL when memory is short. */
static char *
text_of(const void *base, const struct snapshot_key *k)
{
	size_t size;
	char *text = NULL;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return NULL;
	snapshot_key_print(f, base, k);
	fclose(f);
	return text;
}

void
snapshot_key_print_plain(
    FILE *out, const void *base, const struct snapshot_key *k)
{
	char *text = text_of(base, k);

	for (const char *at = text; at != NULL && *at != '\0'; at++) {
		if (*at != '"')
			fputc(*at, out);
	}
	free(text);
}

bool
snapshot_key_is_same(const void *a, const void *b, const struct snapshot_key *k)
{
	char *one = text_of(a, k), *other = text_of(b, k);
	const bool same =
	    one != NULL && other != NULL && strcmp(one, other) == 0;

	free(one);
	free(other);
	return same;
}

bool
snapshot_key_is_printed(const void *base, const struct snapshot_key *k)
{
	uint64_t n;

	if (k->kind->is_unserved)
		return false;
	if (k->kind != &snapshot_kind_burst)
		return true;
	memcpy(&n, (const char *)base + k->offset, sizeof(n));
	return n != 0;
}
