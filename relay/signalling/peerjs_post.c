/* Letters and notices of the PeerServer dialect: peerjs_own.h. */
#include <errno.h>
#include <string.h>

#include "common/mem.h"
#include "common/table.h"
#include "signalling/peerjs_own.h"

static unsigned
home_of(const struct signal_peers *p, const struct proto_peerjs_id *id)
{
	return table_hash(id->at, id->len) % p->s->shared->workers;
}

/* ---- notices */

static bool
is_for_home(enum signal_peerjs_word word)
{
	return word == PEERJS_COME || word == PEERJS_GO;
}

static void
open_notice(struct signalling *s, struct signal_mail *m)
{
	struct signal_peerjs_notice *n = (struct signal_peerjs_notice *)m;

	if (is_for_home(n->word))
		signal_peerjs_home_hear(s->peers, n);
	else
		signal_peerjs_client_hear(s->peers, n);
}

static void
drop_notice(struct signal_mail *m)
{
	mem_free(m);
}

void
signal_peerjs_post_notice(
    struct signal_peers *p, unsigned worker, struct signal_peerjs_notice *n)
{
	n->worker = worker;
	n->mail.open = open_notice;
	n->mail.drop = drop_notice;
	/* none overtakes those that are late already */
	if (list_is_empty(&p->late) &&
	    signal_mail_send(p->s, worker, &n->mail) == 0)
		return;
	list_append(&p->late, &n->node);
	if (!wheel_is_set(&p->retry))
		wheel_set(p->s->config.wheel, &p->retry,
		    signalling_now(p->s) + PEERJS_LATE_MS,
		    signal_peerjs_post_retry);
}

void
signal_peerjs_post_word(struct signal_peers *p, struct signal_peerjs_notice *n,
    enum signal_peerjs_word word)
{
	n->word = word;
	signal_peerjs_post_notice(
	    p, is_for_home(word) ? home_of(p, &n->id) : n->place.worker, n);
}

void
signal_peerjs_post_retry(struct wheel_timer *t, mono_ms now)
{
	struct signal_peers *p = LIST_ITEM(t, struct signal_peers, retry);
	struct signal_peerjs_notice *n;

	while (!list_is_empty(&p->late)) {
		n = LIST_ITEM(p->late.next, struct signal_peerjs_notice, node);
		list_remove(&n->node);
		if (signal_mail_send(p->s, n->worker, &n->mail) == 0)
			continue;
		/* first in line again */
		list_append(p->late.next, &n->node);
		wheel_set(p->s->config.wheel, t, now + PEERJS_LATE_MS,
		    signal_peerjs_post_retry);
		return;
	}
}

void
signal_peerjs_post_drop_late(struct signal_peers *p)
{
	struct list *node, *next;

	LIST_EACH_SAFE (node, next, &p->late) {
		list_remove(node);
		mem_free(LIST_ITEM(node, struct signal_peerjs_notice, node));
	}
}

/* ---- letters */

static void
open_letter(struct signalling *s, struct signal_mail *m)
{
	struct signal_peerjs_letter *l = (struct signal_peerjs_letter *)m;

	if (l->is_delivery)
		signal_peerjs_client_deliver(s->peers, l);
	else
		signal_peerjs_home_take(s->peers, l);
}

void
signal_peerjs_post_drop(struct signal_mail *m)
{
	mem_free(m);
}

struct signal_peerjs_letter *
signal_peerjs_post_letter(const struct proto_peerjs_message *m)
{
	const size_t room = PROTO_PEERJS_FRAME_MAX + m->payload_len;
	struct signal_peerjs_letter *l;

	if ((l = mem_try(1, sizeof(*l) + room)) == NULL)
		return NULL;
	l->mail.open = open_letter;
	l->mail.drop = signal_peerjs_post_drop;
	l->mail.size = room;
	l->to = m->dst;
	l->from = m->src;
	l->waits = proto_peerjs_waits(m->type);
	l->len = proto_peerjs_write(l->text, room, m);
	return l;
}

int
signal_peerjs_post_home(struct signal_peers *p, struct signal_peerjs_letter *l)
{
	l->is_delivery = false;
	return signal_mail_send(p->s, home_of(p, &l->to), &l->mail);
}

int
signal_peerjs_post_client(
    struct signal_peers *p, unsigned worker, struct signal_peerjs_letter *l)
{
	l->is_delivery = true;
	return signal_mail_send(p->s, worker, &l->mail);
}

void
signal_peerjs_post_refuse(struct signal_peers *p,
    const struct signal_peerjs_letter *l, enum proto_peerjs_type type)
{
	const struct proto_peerjs_message m = {
		.type = type, .src = l->to, .dst = l->from
	};
	struct signal_peerjs_letter *answer;

	/* nobody waits for an answer to LEAVE and EXPIRE */
	if (!l->waits || (answer = signal_peerjs_post_letter(&m)) == NULL)
		return;
	if (signal_peerjs_post_home(p, answer) != 0)
		mem_free(answer);
}
