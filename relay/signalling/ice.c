#include "signalling/ice.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "common/stun/integrity.h"
#include "common/token/turnrest.h"
#include "relay/barred.h"
#include "relay/snapshot.h"

enum {
	HOST_MAX = 256, /* a DNS name, or an IPv6 address in brackets */
	URL_MAX = HOST_MAX + 32,
	/* of one transport: browsers open an allocation for each */
	PORTS_MAX = 2,
	USERNAME_MAX = 512,
};

/* ---- the host, as the client knows it */

static bool
is_name(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)text[i]) && text[i] != '-' &&
		    text[i] != '.')
			return false;
	}
	return len > 0 && len < HOST_MAX && text[0] != '-' && text[0] != '.';
}

/* "[2001:db8::7]", with brackets. */
static bool
is_literal(const char *text, size_t len)
{
	char inside[ADDR_TEXT_MAX];
	struct addr a;

	if (len < 2 || len - 2 >= sizeof(inside) || text[len - 1] != ']')
		return false;
	memcpy(inside, text + 1, len - 2);
	inside[len - 2] = '\0';
	return strchr(inside, '%') == NULL && strchr(inside, '[') == NULL &&
	    addr_parse(&a, inside) == 0 && addr_family(&a) == AF_INET6;
}

/* Of a Host header without its port, or, when that is nonsense, ours. */
static void
find_host(char out[HOST_MAX], const struct snapshot *conf, const char *host)
{
	size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

	if (len > strlen(host) ||
	    !(*host == '[' ? is_literal(host, len) : is_name(host, len))) {
		host = conf->node.name;
		len = strlen(host);
	}
	snprintf(out, HOST_MAX, "%.*s", (int)len, host);
}

/* ---- which of our listeners it is told */

struct ports {
	uint16_t at[PORTS_MAX];
	size_t count;
};

/* Can a client that came to local reach at? */
static bool
is_reachable(const struct addr *at, const struct addr *local)
{
	return local == NULL || addr_is_none(local) || !addr_is_loopback(at) ||
	    addr_is_loopback(local);
}

/* 443 and 80 pass where nothing else does. */
static bool
is_open_door(uint16_t port)
{
	return port == 443 || port == 80;
}

static void
add_port(struct ports *p, uint16_t port)
{
	for (size_t i = 0; i < p->count; i++) {
		if (p->at[i] == port)
			return;
	}
	if (p->count < PORTS_MAX)
		p->at[p->count++] = port;
	else if (is_open_door(port) && !is_open_door(p->at[PORTS_MAX - 1]))
		p->at[PORTS_MAX - 1] = port;
}

static void
find_ports(struct ports out[NET_TRANSPORTS], const struct signal_ice *ctx,
    const struct addr *local)
{
	enum net_transport transport;
	struct addr at;

	memset(out, 0, sizeof(*out) * NET_TRANSPORTS);
	for (size_t i = 0; net_listeners_at(ctx->listeners, i, &transport, &at);
	     i++) {
		if (is_reachable(&at, local))
			add_port(&out[transport], addr_port(&at));
	}
}

/* Appends "turn:host:port?transport=udp" for each port. */
static void
add_urls(json_t *urls, const struct ports *p, const char *scheme,
    const char *host, const char *query)
{
	char url[URL_MAX];

	for (size_t i = 0; i < p->count; i++) {
		snprintf(url, sizeof(url), "%s:%s:%u%s", scheme, host, p->at[i],
		    query);
		json_array_append_new(urls, json_string(url));
	}
}

json_t *
signal_ice_uris(
    const struct signal_ice *ctx, const char *host, const struct addr *local)
{
	struct ports ports[NET_TRANSPORTS];
	json_t *urls = json_array();
	char name[HOST_MAX];

	if (urls == NULL)
		return NULL;
	find_host(name, ctx->conf, host);
	find_ports(ports, ctx, local);
	add_urls(urls, &ports[NET_UDP], "turn", name, "?transport=udp");
	add_urls(urls, &ports[NET_TCP], "turn", name, "?transport=tcp");
	add_urls(urls, &ports[NET_TLS], "turns", name, "?transport=tcp");
	return urls;
}

static json_t *
stun_server(const struct signal_ice *ctx, const struct signal_ice_client *c)
{
	struct ports ports[NET_TRANSPORTS];
	json_t *urls = json_array();
	char name[HOST_MAX];

	find_host(name, ctx->conf, c->host);
	find_ports(ports, ctx, c->local);
	if (ports[NET_UDP].count > 1)
		ports[NET_UDP].count = 1; /* one tells all */
	add_urls(urls, &ports[NET_UDP], "stun", name, "");
	if (json_array_size(urls) > 0)
		return json_pack("{s:o}", "urls", urls);
	json_decref(urls);
	return NULL;
}

/* ---- credentials */

int64_t
signal_ice_credential(json_t **username, json_t **credential,
    const struct signal_ice *ctx, const struct signal_ice_client *c,
    int64_t now_s)
{
	int64_t expiry = now_s + (int64_t)ctx->conf->signalling.credential_s;
	char password[TURNREST_PASSWORD_MAX], name[USERNAME_MAX];
	int len;

	if (c->expiry_s != 0 && c->expiry_s < expiry)
		expiry = c->expiry_s;
	if (ctx->conf->auth.secret_count == 0 || expiry <= now_s ||
	    barred_until(ctx->barred, c->name, c->name_len, now_s) != 0)
		return 0;
	len = snprintf(name, sizeof(name), "%lld%s%.*s", (long long)expiry,
	    c->name_len > 0 ? ":" : "", (int)c->name_len, c->name);
	if (len > STUN_USERNAME_MAX)
		return 0;
	turnrest_password(
	    password, ctx->conf->auth.secrets[0], name, (size_t)len);
	*username = json_stringn(name, (size_t)len);
	*credential = json_string(password);
	return expiry - now_s;
}

/* NULL: it gets none. */
static json_t *
turn_server(const struct signal_ice *ctx, const struct signal_ice_client *c,
    int64_t now_s)
{
	json_t *username = NULL, *credential = NULL, *urls;

	if (signal_ice_credential(&username, &credential, ctx, c, now_s) == 0)
		return NULL;
	urls = signal_ice_uris(ctx, c->host, c->local);
	return json_pack("{s:o,s:o,s:o}", "urls", urls, "username", username,
	    "credential", credential);
}

json_t *
signal_ice_servers(const struct signal_ice *ctx,
    const struct signal_ice_client *c, int64_t now_s)
{
	json_t *servers = json_array();
	json_t *one;

	if ((one = stun_server(ctx, c)) != NULL)
		json_array_append_new(servers, one);
	if ((one = turn_server(ctx, c, now_s)) != NULL)
		json_array_append_new(servers, one);
	return servers;
}
