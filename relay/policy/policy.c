#include "policy/policy.h"

#include <assert.h>
#include <string.h>

#include "common/mem.h"
#include "policy/own.h"
#include "policy/ranges.h"
#include "relay/snapshot.h"

/*
 * Addresses that are no public host: the IANA special-purpose registries
 * (RFC 6890 and its updates), as coturn's recommended configuration of 2026
 * lists them.  The metadata services 169.254.169.254, fd00:ec2::254 and
 * 100.100.100.200 lie inside.
 */
static const char *const denied[] = {
	"0.0.0.0/8",       /* this network, RFC 791 */
	"10.0.0.0/8",      /* private, RFC 1918 */
	"100.64.0.0/10",   /* carrier NAT, RFC 6598 */
	"127.0.0.0/8",     /* loopback, RFC 1122 */
	"169.254.0.0/16",  /* link local, RFC 3927 */
	"172.16.0.0/12",   /* private, RFC 1918 */
	"192.0.0.0/24",    /* protocol assignments, RFC 6890 */
	"192.0.2.0/24",    /* documentation, RFC 5737 */
	"192.31.196.0/24", /* AS112, RFC 7535 */
	"192.52.193.0/24", /* AMT, RFC 7450 */
	"192.88.99.0/24",  /* 6to4 relays, RFC 7526 */
	"192.168.0.0/16",  /* private, RFC 1918 */
	"192.175.48.0/24", /* AS112, RFC 7534 */
	"198.18.0.0/15",   /* benchmarks, RFC 2544 */
	"198.51.100.0/24", /* documentation, RFC 5737 */
	"203.0.113.0/24",  /* documentation, RFC 5737 */
	"224.0.0.0/4",     /* multicast, RFC 5771 */
	"240.0.0.0/4",     /* reserved and broadcast, RFC 1112 */

	"::/128",            /* unspecified, RFC 4291 */
	"::1/128",           /* loopback, RFC 4291 */
	"::ffff:0:0/96",     /* mapped, RFC 4291 */
	"64:ff9b::/96",      /* NAT64, RFC 6052 */
	"64:ff9b:1::/48",    /* local NAT64, RFC 8215 */
	"100::/64",          /* discard, RFC 6666 */
	"100:0:0:1::/64",    /* dummy prefix, RFC 9780 */
	"2001::/23",         /* protocol assignments, Teredo */
	"2001:db8::/32",     /* documentation, RFC 3849 */
	"2002::/16",         /* 6to4, RFC 3056 */
	"2620:4f:8000::/48", /* AS112, RFC 7534 */
	"3fff::/20",         /* documentation, RFC 9637 */
	"5f00::/16",         /* segment routing, RFC 9602 */
	"fc00::/7",          /* unique local, RFC 4193 */
	"fe80::/10",         /* link local, RFC 4291 */
	"fec0::/10",         /* site local, RFC 3879 */
	"ff00::/8",          /* multicast, RFC 4291 */
};
enum { DENIED_COUNT = sizeof(denied) / sizeof(denied[0]) };

/* Loopback is this host under any address. */
static const char *const loopbacks[] = { "127.0.0.0/8", "::1/128" };

struct policy {
	/* FROZEN: after policy_new */
	struct policy_ranges *builtin;
	struct policy_ranges *configured; /* relay.allow, relay.deny */
	struct policy_ranges *own;        /* this host's addresses */
	struct policy_ranges *relays;     /* relay.addresses and outsides */
	struct policy_networks *networks;
	uint64_t ports[65536 / 64]; /* of our listeners */
};

static void
add_text(struct policy_ranges *r, const char *text)
{
	struct addr_prefix p;
	const int rc = addr_prefix_parse(&p, text);

	assert(rc == 0); /* a row of the tables above is wrong */
	policy_ranges_add(r, &p, POLICY_MARK_DENY);
}

static struct policy_ranges *
build_builtin(void)
{
	struct policy_ranges *r = policy_ranges_new(DENIED_COUNT);

	if (r == NULL)
		return NULL;
	for (size_t i = 0; i < DENIED_COUNT; i++)
		add_text(r, denied[i]);
	policy_ranges_seal(r);
	return r;
}

static struct policy_ranges *
build_configured(const struct snapshot *conf)
{
	const struct snapshot_prefixes *allow = &conf->relay.allow;
	const struct snapshot_prefixes *deny = &conf->relay.deny;
	struct policy_ranges *r = policy_ranges_new(allow->count + deny->count);

	if (r == NULL)
		return NULL;
	for (size_t i = 0; i < allow->count; i++)
		policy_ranges_add(r, &allow->at[i], POLICY_MARK_ALLOW);
	for (size_t i = 0; i < deny->count; i++)
		policy_ranges_add(r, &deny->at[i], POLICY_MARK_DENY);
	policy_ranges_seal(r);
	return r;
}

static struct policy_ranges *
build_relays(const struct snapshot *conf)
{
	const size_t n = conf->relay.addresses.count;
	const size_t m = conf->relay.external_count;
	struct policy_ranges *r = policy_ranges_new(n + m);

	if (r == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		policy_ranges_add_host(
		    r, &conf->relay.addresses.at[i], POLICY_MARK_ALLOW);
	for (size_t i = 0; i < m; i++)
		policy_ranges_add_host(
		    r, &conf->relay.external[i].outside, POLICY_MARK_ALLOW);
	policy_ranges_seal(r);
	return r;
}

static void
add_hosts(struct policy_ranges *r, const struct addr *at, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!addr_is_none(&at[i]) && !addr_is_any(&at[i]))
			policy_ranges_add_host(r, &at[i], POLICY_MARK_DENY);
	}
}

/* What the caller found, and what the configuration says is ours. */
static struct policy_ranges *
build_own(const struct snapshot *conf, const struct addr *own, size_t count)
{
	const struct snapshot_addrs lists[] = { conf->listen.udp,
		conf->listen.tcp, conf->listen.tls, conf->listen.dtls,
		conf->relay.addresses, { (struct addr *)own, count } };
	size_t room = 2 + 1 + 2 * conf->relay.external_count;
	struct policy_ranges *r;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		room += lists[i].count;
	if ((r = policy_ranges_new(room)) == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		add_hosts(r, lists[i].at, lists[i].count);
	for (size_t i = 0; i < conf->relay.external_count; i++) {
		add_hosts(r, &conf->relay.external[i].outside, 1);
		add_hosts(r, &conf->relay.external[i].inside, 1);
	}
	add_hosts(r, &conf->admin.listen, 1);
	add_text(r, loopbacks[0]);
	add_text(r, loopbacks[1]);
	policy_ranges_seal(r);
	return r;
}

static void
mark_ports(struct policy *p, const struct addr *at, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const uint16_t port = addr_port(&at[i]);

		if (port != 0)
			p->ports[port / 64] |= UINT64_C(1) << port % 64;
	}
}

struct policy *
policy_new(
    const struct snapshot *conf, const struct addr *own, size_t own_count)
{
	struct policy *p;

	if ((p = mem_try(1, sizeof(*p))) == NULL)
		return NULL;
	if ((p->builtin = build_builtin()) == NULL)
		goto fail;
	if ((p->configured = build_configured(conf)) == NULL)
		goto fail;
	if ((p->relays = build_relays(conf)) == NULL)
		goto fail;
	if ((p->own = build_own(conf, own, own_count)) == NULL)
		goto fail;
	if ((p->networks = policy_networks_new(conf)) == NULL)
		goto fail;
	mark_ports(p, conf->listen.udp.at, conf->listen.udp.count);
	mark_ports(p, conf->listen.tcp.at, conf->listen.tcp.count);
	mark_ports(p, conf->listen.tls.at, conf->listen.tls.count);
	mark_ports(p, conf->listen.dtls.at, conf->listen.dtls.count);
	mark_ports(p, &conf->admin.listen, 1);
	return p;

fail:
	policy_free(p);
	return NULL;
}

void
policy_free(struct policy *p)
{
	if (p == NULL)
		return;
	policy_ranges_free(p->builtin);
	policy_ranges_free(p->configured);
	policy_ranges_free(p->own);
	policy_ranges_free(p->relays);
	policy_networks_free(p->networks);
	mem_free(p);
}

/* Multicast, unspecified, broadcast. */
static bool
is_never_a_peer(const struct addr *a)
{
	size_t len;
	const uint8_t *host = addr_host(a, &len);

	if (len == 0 || addr_is_any(a))
		return true;
	if (len == 16)
		return host[0] == 0xff;
	return host[0] >> 4 == 0xe || memcmp(host, "\xff\xff\xff\xff", 4) == 0;
}

static bool
is_own(const struct policy *p, const struct addr *a)
{
	return policy_ranges_find(p->own, a) != POLICY_MARK_NONE;
}

static bool
is_listener(const struct policy *p, const struct addr *a)
{
	const uint16_t port = addr_port(a);

	return (p->ports[port / 64] >> port % 64 & 1) != 0 && is_own(p, a);
}

/* Steps 4 to 6. */
static enum policy_verdict
judge(const struct policy *p, const struct addr *a)
{
	switch (policy_ranges_find(p->configured, a)) {
	case POLICY_MARK_ALLOW:
		return POLICY_ALLOW;
	case POLICY_MARK_DENY:
		return POLICY_DENY_RANGE;
	case POLICY_MARK_NONE:
		break;
	}
	if (is_own(p, a))
		return POLICY_DENY_OWN;
	if (policy_ranges_find(p->builtin, a) != POLICY_MARK_NONE)
		return POLICY_DENY_RANGE;
	return POLICY_ALLOW;
}

enum policy_verdict
policy_peer(const struct policy *p, const struct addr *peer, bool with_port,
    bool is_relayed)
{
	enum policy_verdict verdict;
	struct addr a;

	if (is_never_a_peer(peer))
		return POLICY_DENY_RANGE;
	addr_canonical(&a, peer);
	if (is_never_a_peer(&a))
		return POLICY_DENY_RANGE;
	if (with_port && is_listener(p, &a))
		return POLICY_DENY_OWN;
	if ((!with_port || is_relayed) && policy_is_relay_host(p, &a))
		return POLICY_ALLOW;
	verdict = judge(p, &a);
	/* an address with another folded into it must pass as both */
	if (verdict == POLICY_ALLOW && addr_family(&a) != addr_family(peer))
		verdict = judge(p, peer);
	return verdict;
}

const struct policy_networks *
policy_networks_of(const struct policy *p)
{
	return p->networks;
}

bool
policy_is_relay_host(const struct policy *p, const struct addr *host)
{
	struct addr a;

	addr_canonical(&a, host);
	return policy_ranges_find(p->relays, &a) != POLICY_MARK_NONE;
}
