#include "signalling/splice.h"

#include <errno.h>
#include <string.h>

#include "common/json.h"
#include "relay/stats.h"
#include "signalling/end.h"
#include "signalling/parcel.h"

enum {
	/* so much is given back at once, at least */
	CREDIT_PART = SIGNAL_STREAM_WINDOW / 4,
};

/* The other end, if it is at this worker. */
static struct signal_end *
neighbour(const struct signal_end *e)
{
	if (e->other.number == 0 || e->other.worker != e->place.worker)
		return NULL;
	return signal_end_find(e->s->streams, e->other.number);
}

int64_t
signal_splice_credit(const struct signal_end *e)
{
	return e->other.worker == e->place.worker ? 1 : SIGNAL_STREAM_WINDOW;
}

/* Reads on as long as there is credit. */
static void
hold_or_read(struct signal_end *e)
{
	const bool hold = e->credit <= 0;

	if (e->state != SIGNAL_END_JOINED || hold == e->is_held)
		return;
	e->is_held = hold;
	net_web_hold(e->web, hold);
}

void
signal_splice_credited(struct signal_end *e, size_t amount)
{
	e->credit += (int64_t)amount;
	hold_or_read(e);
}

/* ---- in: from e's WebSocket */

static void
break_off(struct signal_end *e, const char *why)
{
	stats_dropped(e->s->config.stats, STATS_DROP_SPLICE_BROKEN);
	signal_end_close(e, PROTO_CLOSE_PROTOCOL, why);
}

/* Has e's WebSocket taken d?  Only while nothing waits in front of it. */
static bool
hand_over(struct signal_end *e, const struct net_web_data *d)
{
	if (e->state != SIGNAL_END_JOINED || e->queue.first != NULL)
		return false;
	if (net_web_send_part(e->web, d) != 0)
		return false;
	e->pieces_out++;
	e->bytes_out += d->len;
	return true;
}

static void
send_on(struct signal_end *e, const struct net_web_data *d)
{
	struct signal_end *other = neighbour(e);
	struct signal_parcel *p;

	e->pieces_in++;
	e->bytes_in += d->len;
	/* a text is told apart where it leaves: it goes by a parcel */
	if (d->kind == NET_WEB_BINARY && other != NULL && hand_over(other, d))
		return;
	if ((p = signal_parcel_new(SIGNAL_PARCEL_DATA, d->len)) == NULL) {
		stats_dropped(e->s->config.stats, STATS_DROP_NO_MEMORY);
		signal_end_close(e, PROTO_CLOSE_TRY_LATER, "memory is short");
		return;
	}
	p->to = e->other;
	p->data_kind = d->kind;
	p->is_last = d->is_last;
	memcpy(p->data, d->data, d->len);
	e->credit -= (int64_t)signal_parcel_cost(d->len);
	signal_parcel_send(e->s->streams, p);
	hold_or_read(e);
}

static bool
is_end(const char *text, size_t len)
{
	const char *type = NULL;
	json_t *json;
	bool is;

	if (json_read(&json, text, len, 2) != 0)
		return false;
	type = json_text(json_object_get(json, "type"), 1, 8);
	is = type != NULL && strcmp(type, "end") == 0;
	json_decref(json);
	return is;
}

/* Text comes in pieces, too. */
static void
take_text(struct signal_end *e, const struct net_web_data *d)
{
	static char word[] = "{\"type\":\"end\"}";
	const struct net_web_data end = {
		.kind = NET_WEB_TEXT,
		.data = (uint8_t *)word,
		.len = sizeof(word) - 1,
		.is_last = true,
	};

	if (d->len > sizeof(e->word) - e->word_len) {
		break_off(e, "a text that is not end");
		return;
	}
	memcpy(e->word + e->word_len, d->data, d->len);
	e->word_len += d->len;
	if (!d->is_last)
		return;
	if (!is_end(e->word, e->word_len)) {
		break_off(e, "a text that is not end");
		return;
	}
	e->has_ended = true;
	send_on(e, &end);
}

static void
leave_if_both_ended(struct signal_end *e)
{
	if (e->state == SIGNAL_END_JOINED && e->has_ended && e->other_ended)
		signal_end_leave(e, PROTO_CLOSE_NORMAL, "both ended");
}

void
signal_splice_take(struct signal_end *e, const struct net_web_data *d)
{
	if (e->state != SIGNAL_END_JOINED)
		return;
	signal_end_hear(e);
	if (e->has_ended)
		break_off(e, "data behind the end");
	else if (d->kind == NET_WEB_TEXT)
		take_text(e, d);
	else
		send_on(e, d);
	leave_if_both_ended(e);
}

/* ---- out: to e's WebSocket */

/* What was owed goes back when it is enough, or when nothing waits; p, which
 * was done with, is what it goes by. */
static void
give_back(struct signal_end *e, struct signal_parcel *p)
{
	e->owed += signal_parcel_cost(p->len);
	if (e->other.number == 0 ||
	    (e->owed < CREDIT_PART && e->queue.first != NULL)) {
		signal_parcel_free(p);
		return;
	}
	p->kind = SIGNAL_PARCEL_CREDIT;
	p->to = e->other;
	p->amount = e->owed;
	e->owed = 0;
	signal_parcel_send(e->s->streams, p);
}

/* Returns 0, or what net_web_send_part says. */
static int
write_first(struct signal_end *e)
{
	struct signal_parcel *p = e->queue.first;
	const struct net_web_data d = {
		.kind = p->data_kind,
		.data = p->data,
		.len = p->len,
		.is_last = p->is_last,
	};
	const int rc = net_web_send_part(e->web, &d);

	if (rc != 0)
		return rc;
	e->pieces_out++;
	e->bytes_out += d.len;
	if (d.kind == NET_WEB_TEXT)
		e->other_ended = true;
	give_back(e, signal_queue_take(&e->queue));
	return 0;
}

void
signal_splice_pump(struct signal_end *e)
{
	int rc = 0;

	while (rc == 0 && e->queue.first != NULL && e->state != SIGNAL_END_GONE)
		rc = write_first(e);
	if (rc == ENOMEM) {
		stats_dropped(e->s->config.stats, STATS_DROP_NO_MEMORY);
		signal_end_close(e, PROTO_CLOSE_TRY_LATER, "memory is short");
	}
	leave_if_both_ended(e);
	signal_end_settle(e);
}

void
signal_splice_give(struct signal_end *e, struct signal_parcel *p)
{
	signal_queue_add(&e->queue, p);
	signal_splice_pump(e);
}
