#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/zone.h"
#include "relay/snapshot_load.h"

static int
no_memory(struct snapshot_loader *ld, const char *section, const char *name)
{
	return snapshot_refuse_key(ld, section, name, "out of memory");
}

/* ---- node */

static unsigned
count_cpus(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	n = CPU_COUNT(&set);
	return n < SNAPSHOT_WORKERS_MAX ? (unsigned)n : SNAPSHOT_WORKERS_MAX;
}

static int
check_node(struct snapshot_loader *ld)
{
	struct snapshot *s = ld->s;
	char host[SNAPSHOT_NAME_MAX + 1] = "";

	if (s->node.workers == 0)
		s->node.workers = count_cpus();
	if (s->node.name == NULL) {
		gethostname(host, sizeof(host) - 1);
		if (*host == '\0')
			memcpy(host, "supernode", sizeof("supernode"));
		if ((s->node.name = mem_strdup(host)) == NULL)
			return no_memory(ld, "node", "name");
	}
	if (s->node.realm != NULL)
		return 0;
	if (strlen(s->node.name) > SNAPSHOT_REALM_MAX)
		return snapshot_refuse_key(ld, "node", "realm",
		    "must be set, to at most %d bytes: node.name is too long "
		    "to be its default",
		    SNAPSHOT_REALM_MAX);
	if ((s->node.realm = mem_strdup(s->node.name)) == NULL)
		return no_memory(ld, "node", "realm");
	return 0;
}

/* ---- listen */

static int
check_tls(struct snapshot_loader *ld)
{
	const struct snapshot *s = ld->s;
	const bool cert = *s->listen.certificate != '\0';
	const bool key = *s->listen.private_key != '\0';

	if (cert != key)
		return snapshot_refuse_key(ld, "listen",
		    cert ? "private-key" : "certificate",
		    "is missing: certificate and private-key go together");
	if (!cert && s->listen.tls.count > 0)
		return snapshot_refuse_key(ld, "listen", "tls",
		    "needs listen.certificate and listen.private-key");
	if (!cert && s->listen.dtls.count > 0)
		return snapshot_refuse_key(ld, "listen", "dtls",
		    "needs listen.certificate and listen.private-key");
	return 0;
}

static bool
has_addr(const struct snapshot_addrs *list, size_t count, const struct addr *a)
{
	for (size_t i = 0; i < count; i++) {
		if (addr_equal(&list->at[i], a))
			return true;
	}
	return false;
}

/* Is a one of list's first count listeners?  Port 0 is another port each
 * time. */
static bool
listens_at(
    const struct snapshot_addrs *list, size_t count, const struct addr *a)
{
	return addr_port(a) != 0 && has_addr(list, count, a);
}

/* Nobody may listen where another one of lists[] does. */
static int
check_twice(struct snapshot_loader *ld, const struct snapshot_addrs *list,
    const char *name, const struct snapshot_addrs *other)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < list->count; i++) {
		if (!listens_at(list, i, &list->at[i]) &&
		    !listens_at(other, other->count, &list->at[i]))
			continue;
		return snapshot_refuse_key(ld, "listen", name,
		    "%s stands twice: name each listener once",
		    addr_format(&list->at[i], text));
	}
	return 0;
}

static int
check_listeners(struct snapshot_loader *ld)
{
	const struct snapshot *s = ld->s;
	const struct snapshot_addrs none = { NULL, 0 };
	int rc;

	if ((rc = check_tls(ld)) != 0 ||
	    (rc = check_twice(ld, &s->listen.udp, "udp", &none)) != 0 ||
	    (rc = check_twice(ld, &s->listen.tcp, "tcp", &none)) != 0 ||
	    (rc = check_twice(ld, &s->listen.tls, "tls", &s->listen.tcp)) != 0)
		return rc;
	if ((rc = check_twice(ld, &s->listen.dtls, "dtls", &s->listen.udp)) !=
	    0)
		return rc;
	if (s->listen.udp.count + s->listen.tcp.count + s->listen.tls.count +
		s->listen.dtls.count ==
	    0)
		return snapshot_refuse_key(ld, "listen", "udp",
		    "and tcp, tls, dtls are empty: name one listener");
	if (!addr_is_none(&s->admin.listen) &&
	    (listens_at(
		 &s->listen.tcp, s->listen.tcp.count, &s->admin.listen) ||
		listens_at(
		    &s->listen.tls, s->listen.tls.count, &s->admin.listen)))
		return snapshot_refuse_key(ld, "admin", "listen",
		    "is a listener for clients already: take another port");
	return 0;
}

/* ---- relay */

/* The address the kernel would send from to a host far away; connect on a
 * datagram socket sends nothing. */
static bool
find_source(struct addr *out, const char *far)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	bool found = false;
	struct addr to;
	int fd;

	if (addr_parse(&to, far) != 0)
		return false;
	if ((fd = socket(addr_family(&to), SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return false;
	addr_set_port(&to, 9); /* discard */
	if (connect(fd, &to.u.sa, addr_len(&to)) == 0 &&
	    getsockname(fd, (struct sockaddr *)&from, &len) == 0)
		found = addr_from_sockaddr(out, (struct sockaddr *)&from, len);
	close(fd);
	addr_set_port(out, 0);
	return found;
}

/* Global addresses that no one will ever dial from here: root servers'. */
static int
find_addresses(struct snapshot_loader *ld)
{
	static const char *const far[] = { "198.41.0.4",
		"2001:503:ba3e::2:30" };
	struct snapshot_addrs *list = &ld->s->relay.addresses;

	if ((list->at = mem_try(2, sizeof(*list->at))) == NULL)
		return no_memory(ld, "relay", "addresses");
	for (size_t i = 0; i < 2; i++) {
		if (find_source(&list->at[list->count], far[i]))
			list->count++;
	}
	if (list->count > 0)
		return 0;
	log_warn("snapshot: no route to anywhere, relaying on 127.0.0.1 "
		 "key=relay.addresses");
	addr_make(&list->at[0], (const uint8_t[]){ 127, 0, 0, 1 }, 4, 0);
	list->count = 1;
	return 0;
}

/* A relayed address must be one client's alone. */
static int
refuse_outside(struct snapshot_loader *ld, const struct snapshot_external *e)
{
	char text[ADDR_TEXT_MAX];

	return snapshot_refuse_key(ld, "relay", "external",
	    "%s is the outside of two relay.addresses: they would give out "
	    "the same ports",
	    addr_format_host(&e->outside, text));
}

static int
check_external(struct snapshot_loader *ld, size_t i)
{
	const struct snapshot *s = ld->s;
	const struct snapshot_external *e = &s->relay.external[i];
	char text[ADDR_TEXT_MAX];

	if (!has_addr(
		&s->relay.addresses, s->relay.addresses.count, &e->inside))
		return snapshot_refuse_key(ld, "relay", "external",
		    "%s is none of relay.addresses: the inside must be",
		    addr_format_host(&e->inside, text));
	for (size_t k = 0; k < i; k++) {
		if (addr_equal(&s->relay.external[k].inside, &e->inside))
			return snapshot_refuse_key(ld, "relay", "external",
			    "%s has two outsides: name one",
			    addr_format_host(&e->inside, text));
		if (addr_equal(&s->relay.external[k].outside, &e->outside))
			return refuse_outside(ld, e);
	}
	/* what has no other outside is seen as it is */
	if (!addr_equal(&e->inside, &e->outside) &&
	    has_addr(
		&s->relay.addresses, s->relay.addresses.count, &e->outside))
		return refuse_outside(ld, e);
	return 0;
}

static int
check_relay(struct snapshot_loader *ld)
{
	struct snapshot_addrs *list = &ld->s->relay.addresses;
	char text[ADDR_TEXT_MAX];
	int rc = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (has_addr(list, i, &list->at[i]))
			return snapshot_refuse_key(ld, "relay", "addresses",
			    "%s stands twice: name each address once",
			    addr_format_host(&list->at[i], text));
	}
	if (list->count == 0)
		rc = find_addresses(ld);
	for (size_t i = 0; i < ld->s->relay.external_count && rc == 0; i++)
		rc = check_external(ld, i);
	return rc;
}

/* ---- caps, admin */

int
snapshot_check_burst(struct snapshot_loader *ld, const char *section,
    const char *name, uint64_t rate, uint64_t *burst)
{
	const bool is_time = (*burst & SNAPSHOT_BURST_IS_MS) != 0;
	const uint64_t n = *burst & ~SNAPSHOT_BURST_IS_MS;
	unsigned __int128 bytes = n;

	if (rate == 0 && is_time)
		bytes = 0; /* of no rate there is no burst */
	else if (is_time)
		bytes = (unsigned __int128)rate * n / 8 / 1000;
	if (bytes > UINT64_C(1) << 40)
		return snapshot_refuse_key(
		    ld, section, name, "is more than 1TiB at this rate");
	if (rate != 0 && bytes < SNAPSHOT_BURST_MIN) {
		if (snapshot_mark_of(ld, section, name)->line != 0)
			return snapshot_refuse_key(ld, section, name,
			    "is less than one packet of 1500B at this rate: "
			    "make it longer, or \"1500B\"");
		bytes = SNAPSHOT_BURST_MIN;
	}
	/* 20 us: where a nanosecond, the unit of the cap, is more than a
	 * byte, the burst must hold many */
	if (bytes < rate / 8 / 50000)
		return snapshot_refuse_key(
		    ld, section, name, "must be at least 20us of the rate");
	*burst = (uint64_t)bytes;
	return 0;
}

static int
check_zone(struct snapshot_loader *ld)
{
	const char *name = ld->s->caps.time_zone, *why;
	struct zone *zone = NULL;
	const int rc = zone_load(&zone, name, &why);

	zone_free(zone);
	if (rc == 0)
		return 0;
	if (rc == ENOMEM)
		return snapshot_refuse_key(ld, "caps", "time-zone", "%s", why);
	return snapshot_refuse_key(ld, "caps", "time-zone",
	    "\"%.60s\" is no time zone of this host: write one like "
	    "\"Europe/Berlin\" (package tzdata)",
	    name);
}

static int
check_caps(struct snapshot_loader *ld)
{
	struct snapshot *s = ld->s;
	int rc;

	if (snapshot_mark_of(ld, "caps", "rate")->line == 0)
		return snapshot_refuse_key(ld, "caps", "rate",
		    "has no default: state it, like rate = \"50Mbit/s\" "
		    "(\"unlimited\" is a word)");
	if ((rc = snapshot_check_burst(
		 ld, "caps", "burst", s->caps.rate, &s->caps.burst)) != 0 ||
	    (rc = snapshot_check_burst(ld, "caps", "burst-per-user",
		 s->caps.rate_per_user, &s->caps.burst_per_user)) != 0 ||
	    (rc = snapshot_check_burst(ld, "caps", "burst-per-allocation",
		 s->caps.rate_per_allocation, &s->caps.burst_per_allocation)) !=
		0)
		return rc;
	return check_zone(ld);
}

static int
check_members(struct snapshot_loader *ld)
{
	const struct snapshot *s = ld->s;

	for (size_t i = 0; i < s->network_count; i++) {
		if (s->networks[i].relay)
			return 0;
	}
	if (s->relay.members_only == SNAPSHOT_ANYONE)
		return 0;
	return snapshot_refuse_key(ld, "relay", "members-only",
	    "would relay for nobody: name a network with relay = true, like "
	    "network \"campus\" { prefixes = {\"198.18.0.0/15\"} }");
}

static int
check_admin(struct snapshot_loader *ld)
{
	struct snapshot *s = ld->s;
	const size_t size = strlen(s->node.run) + sizeof("/control.sock");
	char *path;

	if (*s->admin.socket == '\0') {
		if ((path = mem_try(size, 1)) == NULL)
			return no_memory(ld, "admin", "socket");
		snprintf(path, size, "%s/control.sock", s->node.run);
		mem_free(s->admin.socket);
		s->admin.socket = path;
	}
	if (*s->admin.socket != '/')
		return snapshot_refuse_key(
		    ld, "admin", "socket", "must be an absolute path");
	if (strlen(s->admin.socket) > 107) /* sun_path, unix(7) */
		return snapshot_refuse_key(ld, "admin", "socket",
		    "must have at most 107 bytes (default: "
		    "node.run/control.sock)");
	return 0;
}

int
snapshot_check(struct snapshot_loader *ld)
{
	int rc;

	if ((rc = check_node(ld)) != 0 || (rc = check_caps(ld)) != 0 ||
	    (rc = check_listeners(ld)) != 0 || (rc = check_relay(ld)) != 0 ||
	    (rc = check_members(ld)) != 0)
		return rc;
	return check_admin(ld);
}
