#include "relay/site_dns.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "common/mem.h"

enum {
	/* with these an answer is given up after 2 + 4 + 8 s */
	TIMEOUT_MS = 2000,
	TRIES = 3,
	/* sockets at once: a few servers, UDP and TCP */
	SOCKETS_MAX = 16,
	/* "_supernode." and a DNS name */
	NAME_MAX_LEN = 11 + 253 + 1,
	RECORD_MAX = 64 * 1024,
};

struct watch {
	struct event *event; /* NULL: the slot is free */
	evutil_socket_t fd;
};

struct site_dns {
	/* OWNER: main */
	struct event_base *base; /* borrowed */
	ares_channel channel;
	bool is_library;
	struct event *timer;
	struct watch watches[SOCKETS_MAX];
};

struct question {
	site_dns_fn *fn;
	void *arg;
};

/* ---- an answer */

/* The strings of a record joined, as the list goes on to the next one. */
static const struct ares_txt_ext *
add_record(struct policy_site *out, const struct ares_txt_ext *t, char *text)
{
	size_t len = 0;

	do {
		if (t->length <= RECORD_MAX - len) {
			memcpy(text + len, t->txt, t->length);
			len += t->length;
		}
		t = t->next;
	} while (t != NULL && !t->record_start);
	policy_site_add(out, text, len);
	return t;
}

static enum site_dns_outcome
outcome_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return SITE_DNS_FOUND;
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
		return SITE_DNS_NONE;
	default:
		return SITE_DNS_FAILED;
	}
}

enum site_dns_outcome
site_dns_read(struct policy_site *out, const char **why, const uint8_t *answer,
    size_t len)
{
	struct ares_txt_ext *all = NULL;
	const struct ares_txt_ext *t;
	char *text;
	int status;

	policy_site_init(out);
	if (len > INT_MAX || (text = mem_try(1, RECORD_MAX)) == NULL) {
		*why = "out of memory";
		return SITE_DNS_FAILED;
	}
	status = ares_parse_txt_reply_ext(answer, (int)len, &all);
	if (status == ARES_SUCCESS) {
		for (t = all; t != NULL;)
			t = add_record(out, t, text);
		policy_site_end(out);
	}
	ares_free_data(all);
	mem_free(text);
	*why = ares_strerror(status);
	return outcome_of(status);
}

/* ---- c-ares in our loop */

static void
set_timer(struct site_dns *d)
{
	struct timeval tv;

	if (ares_timeout(d->channel, NULL, &tv) != NULL)
		event_add(d->timer, &tv);
	else
		event_del(d->timer);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct site_dns *d = arg;

	(void)fd;
	(void)what;
	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer(d);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct site_dns *d = arg;

	ares_process_fd(d->channel,
	    (what & EV_READ) != 0 ? fd : ARES_SOCKET_BAD,
	    (what & EV_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
	set_timer(d);
}

static struct watch *
find_watch(struct site_dns *d, evutil_socket_t fd)
{
	struct watch *spare = NULL;

	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		struct watch *w = &d->watches[i];

		if (w->event != NULL && w->fd == fd)
			return w;
		if (w->event == NULL)
			spare = w;
	}
	return spare;
}

/* Without a slot or memory the question runs into its timeout. */
static void
on_state(void *arg, ares_socket_t fd, int reads, int writes)
{
	struct site_dns *d = arg;
	struct watch *w = find_watch(d, fd);
	const short what =
	    (short)((reads != 0 ? EV_READ : 0) | (writes != 0 ? EV_WRITE : 0));

	if (w == NULL)
		return;
	if (w->event != NULL)
		event_free(w->event);
	w->event = NULL;
	w->fd = fd;
	if (what == 0)
		return;
	w->event = event_new(d->base, fd, what | EV_PERSIST, on_socket, d);
	if (w->event != NULL)
		event_add(w->event, NULL);
}

/* ---- opening, closing */

static int
use_resolver(struct site_dns *d, const struct addr *resolver)
{
	struct ares_addr_port_node node = { .family = addr_family(resolver) };
	size_t len;
	const uint8_t *host = addr_host(resolver, &len);

	memcpy(&node.addr, host, len);
	node.udp_port = node.tcp_port = addr_port(resolver);
	return ares_set_servers_ports(d->channel, &node);
}

int
site_dns_open(struct site_dns **out, struct event_base *base,
    const struct addr *resolver, char *why, size_t why_size)
{
	struct ares_options options = {
		.timeout = TIMEOUT_MS, .tries = TRIES, .sock_state_cb = on_state
	};
	int status = ARES_ENOMEM;
	struct site_dns *d;

	if ((d = mem_try(1, sizeof(*d))) == NULL)
		goto fail;
	/* counted: each has its ares_library_cleanup */
	if ((status = ares_library_init(ARES_LIB_INIT_ALL)) != ARES_SUCCESS)
		goto fail;
	d->is_library = true;
	status = ARES_ENOMEM;
	d->base = base;
	options.sock_state_cb_data = d;
	if ((d->timer = evtimer_new(base, on_timer, d)) == NULL)
		goto fail;
	status = ares_init_options(&d->channel, &options,
	    ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
	if (status != ARES_SUCCESS) {
		d->channel = NULL;
		goto fail;
	}
	if (resolver != NULL && !addr_is_none(resolver) &&
	    (status = use_resolver(d, resolver)) != ARES_SUCCESS)
		goto fail;
	*out = d;
	return 0;

fail:
	snprintf(why, why_size, "%s", ares_strerror(status));
	site_dns_close(d);
	return status == ARES_ENOMEM ? ENOMEM : EINVAL;
}

void
site_dns_close(struct site_dns *d)
{
	if (d == NULL)
		return;
	if (d->channel != NULL)
		ares_destroy(d->channel); /* frees the events, too */
	if (d->timer != NULL)
		event_free(d->timer);
	for (unsigned i = 0; i < SOCKETS_MAX; i++)
		if (d->watches[i].event != NULL)
			event_free(d->watches[i].event);
	if (d->is_library)
		ares_library_cleanup();
	mem_free(d);
}

/* ---- asking */

static void
on_answer(void *arg, int status, int timeouts, unsigned char *answer, int len)
{
	struct question *q = arg;
	enum site_dns_outcome outcome = outcome_of(status);
	const char *why = ares_strerror(status);
	struct policy_site word;

	(void)timeouts;
	policy_site_init(&word);
	if (outcome == SITE_DNS_FOUND)
		outcome = site_dns_read(&word, &why, answer, (size_t)len);
	if (status != ARES_EDESTRUCTION)
		q->fn(q->arg, outcome, &word, why);
	mem_free(q);
}

void
site_dns_ask(struct site_dns *d, const char *domain, site_dns_fn *fn, void *arg)
{
	struct policy_site none;
	char name[NAME_MAX_LEN];
	struct question *q;

	if ((q = mem_try(1, sizeof(*q))) == NULL) {
		policy_site_init(&none);
		fn(arg, SITE_DNS_FAILED, &none, "out of memory");
		return;
	}
	*q = (struct question){ fn, arg };
	snprintf(name, sizeof(name), "_supernode.%s", domain);
	ares_query(d->channel, name, C_IN, T_TXT, on_answer, q);
	set_timer(d);
}
