#include "signalling/parcel.h"

#include "common/mem.h"
#include "net/net.h"
#include "relay/stats.h"
#include "signalling/end.h"
#include "signalling/splice.h"

enum {
	RETRY_MS = 20,
	CODE_AWAY = 1001,
};

static void open_mail(struct signalling *there, struct signal_mail *m);

static struct signal_parcel *
of(struct signal_mail *m)
{
	return (struct signal_parcel *)(void *)m;
}

static void
drop_mail(struct signal_mail *m)
{
	signal_parcel_free(of(m));
}

struct signal_parcel *
signal_parcel_new(enum signal_parcel_kind kind, size_t len)
{
	struct signal_parcel *p = mem_try(1, sizeof(*p) + len);

	if (p == NULL)
		return NULL;
	p->mail.open = open_mail;
	p->mail.drop = drop_mail;
	p->mail.size = signal_parcel_cost(len);
	p->kind = kind;
	p->len = len;
	return p;
}

void
signal_parcel_free(struct signal_parcel *p)
{
	mem_free(p);
}

size_t
signal_parcel_cost(size_t len)
{
	return sizeof(struct signal_parcel) + len;
}

/* ---- queues */

void
signal_queue_add(struct signal_queue *q, struct signal_parcel *p)
{
	p->mail.next = NULL;
	if (q->first == NULL)
		q->first = p;
	else
		q->last->mail.next = &p->mail;
	q->last = p;
	q->cost += signal_parcel_cost(p->len);
}

struct signal_parcel *
signal_queue_take(struct signal_queue *q)
{
	struct signal_parcel *p = q->first;

	if (p == NULL)
		return NULL;
	q->first = p->mail.next != NULL ? of(p->mail.next) : NULL;
	q->cost -= signal_parcel_cost(p->len);
	return p;
}

void
signal_queue_drain(struct signal_queue *q)
{
	struct signal_parcel *p;

	while ((p = signal_queue_take(q)) != NULL)
		signal_parcel_free(p);
}

/* ---- leaving */

static int
post(struct signal_streams *st, struct signal_parcel *p)
{
	return signal_mail_send(st->s, p->to.worker, &p->mail);
}

void
signal_parcel_retry(struct wheel_timer *t, mono_ms now)
{
	struct signal_streams *st = LIST_ITEM(t, struct signal_streams, retry);
	struct signal_parcel *p;

	while ((p = signal_queue_take(&st->unsent)) != NULL) {
		struct signal_queue rest;

		if (post(st, p) == 0)
			continue;
		/* back to its place: in front of all others */
		rest = st->unsent;
		st->unsent = (struct signal_queue){ .first = NULL };
		signal_queue_add(&st->unsent, p);
		p->mail.next = rest.first != NULL ? &rest.first->mail : NULL;
		if (rest.first != NULL)
			st->unsent.last = rest.last;
		st->unsent.cost += rest.cost;
		wheel_set(st->s->config.wheel, &st->retry, now + RETRY_MS,
		    signal_parcel_retry);
		return;
	}
}

void
signal_parcel_send(struct signal_streams *st, struct signal_parcel *p)
{
	struct signalling *s = st->s;

	if (p->to.worker == s->config.worker) {
		open_mail(s, &p->mail);
		return;
	}
	if (st->unsent.first == NULL && post(st, p) == 0)
		return;
	signal_queue_add(&st->unsent, p);
	if (!wheel_is_set(&st->retry))
		wheel_set(s->config.wheel, &st->retry,
		    signalling_now(s) + RETRY_MS, signal_parcel_retry);
}

/* ---- arriving */

/* Who is looked for is gone: who asks is told so. */
static void
send_back(struct signal_streams *st, struct signal_parcel *p)
{
	if (p->kind != SIGNAL_PARCEL_HELLO) {
		signal_parcel_free(p);
		return;
	}
	p->kind = SIGNAL_PARCEL_BYE;
	p->to = p->from;
	p->amount = CODE_AWAY;
	signal_parcel_send(st, p);
}

static void
open_mail(struct signalling *there, struct signal_mail *m)
{
	struct signal_parcel *p = of(m);
	struct signal_end *e = signal_end_find(there->streams, p->to.number);

	if (e == NULL) {
		send_back(there->streams, p);
		return;
	}
	switch (p->kind) {
	case SIGNAL_PARCEL_DATA:
		signal_splice_give(e, p); /* takes it */
		return;
	case SIGNAL_PARCEL_HELLO:
		signal_end_join(e, p);
		break;
	case SIGNAL_PARCEL_CREDIT:
		signal_splice_credited(e, p->amount);
		break;
	case SIGNAL_PARCEL_BYE:
		signal_end_lose(e, (unsigned)p->amount);
		break;
	}
	signal_parcel_free(p);
}
