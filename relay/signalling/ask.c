#include "signalling/ask.h"

#include <errno.h>

#include "common/mem.h"
#include "common/table.h"
#include "signalling/session.h"

/* A send with several receivers. */
struct ask {
	uint64_t number;
	unsigned left; /* answers to come */
	bool is_sent;
	struct signal_origin origin; /* as it was before */
};

/* An answer on its way to the sender's worker. */
struct answer {
	struct signal_mail mail; /* first */
	struct signal_origin origin;
	bool is_sent;
};

/* ---- here */

/* The sender hears it, if it is still there. */
static void
tell(struct signalling *s, const struct signal_origin *o, bool is_sent)
{
	struct signal_session *ss = signal_session_find(s, o->session);
	char text[64];

	if (ss == NULL || ss->state != SIGNAL_OPEN)
		return;
	if (is_sent)
		signal_session_say(
		    ss, text, proto_write_sent(text, sizeof(text), o->id));
	else
		signal_session_error(ss, o->id, PROTO_PEER_OFFLINE,
		    "nobody by that name takes it");
}

/* The first one that has it decides, or the last one that has not. */
static void
count_in(struct signalling *s, struct ask *a, bool is_sent)
{
	const struct signal_origin origin = a->origin;
	const bool was_sent = a->is_sent;
	const bool is_over = --a->left == 0;

	a->is_sent |= is_sent;
	if (is_over) {
		table_remove(
		    s->asks, table_hash(&a->number, sizeof(a->number)), a);
		mem_free(a);
	}
	if (!was_sent && (is_sent || is_over))
		signal_ask_answer(s, &origin, is_sent);
}

static void
answer_here(struct signalling *s, const struct signal_origin *o, bool is_sent)
{
	struct ask *a;

	if (o->ask == 0) {
		tell(s, o, is_sent);
		return;
	}
	a = table_find(s->asks, table_hash(&o->ask, sizeof(o->ask)), &o->ask);
	if (a != NULL)
		count_in(s, a, is_sent);
}

/* ---- from elsewhere */

static void
drop_answer(struct signal_mail *m)
{
	mem_free(m);
}

static void
open_answer(struct signalling *s, struct signal_mail *m)
{
	struct answer *a = (struct answer *)m;

	answer_here(s, &a->origin, a->is_sent);
	mem_free(a);
}

void
signal_ask_answer(
    struct signalling *s, const struct signal_origin *o, bool is_sent)
{
	struct answer *a;

	if (o->session == 0 || (is_sent && o->id < 0))
		return;
	if (o->worker == s->config.worker) {
		answer_here(s, o, is_sent);
		return;
	}
	/* who gets no answer for want of memory cannot be told that either */
	if ((a = mem_try(1, sizeof(*a))) == NULL)
		return;
	*a = (struct answer){ .mail = { .open = open_answer,
				  .drop = drop_answer },
		.origin = *o,
		.is_sent = is_sent };
	if (signal_mail_send(s, o->worker, &a->mail) != 0)
		mem_free(a);
}

/* ---- several receivers */

int
signal_ask_open(
    struct signalling *s, struct signal_origin *o, unsigned receivers)
{
	struct ask *a;
	int rc;

	if (table_count(s->asks) >= SIGNAL_ASKS_MAX)
		return ENOSPC;
	if ((a = mem_try(1, sizeof(*a))) == NULL)
		return ENOMEM;
	*a = (struct ask){
		.number = ++s->next_ask, .left = receivers, .origin = *o
	};
	rc = table_add(s->asks, table_hash(&a->number, sizeof(a->number)), a);
	if (rc != 0) {
		mem_free(a);
		return rc;
	}
	o->ask = a->number;
	o->worker = s->config.worker;
	return 0;
}

static bool
is_ask(const void *item, const void *key)
{
	return ((const struct ask *)item)->number == *(const uint64_t *)key;
}

int
signal_asks_init(struct signalling *s)
{
	return (s->asks = table_new(0, is_ask)) != NULL ? 0 : ENOMEM;
}

void
signal_asks_fini(struct signalling *s)
{
	struct ask *a;
	size_t pos = 0;

	while (s->asks != NULL && (a = table_next(s->asks, &pos)) != NULL)
		mem_free(a);
	table_free(s->asks);
	s->asks = NULL;
}
