#include "signalling/mail.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/mem.h"
#include "relay/mailbox.h"
#include "signalling/own.h"

/* A worker's, into which all others put. */
struct box {
	/* SHARED: atomic */
	_Alignas(64) _Atomic(struct signal_mail *) latest; /* then older ones */
	_Atomic unsigned count;
	_Atomic size_t bytes;
	_Atomic(struct mailbox *) mailbox; /* NULL: nobody is there */
	/* OWNER: the worker that opens it */
	_Alignas(64) struct signalling *at;
};

struct signal_boxes {
	/* FROZEN: after signal_boxes_new */
	unsigned workers;
	struct box *at;
};

/* What gathers in this turn for one worker. */
struct lane {
	struct signal_mail *first, *last;
	unsigned count;
	size_t bytes;
	bool is_due; /* its bell was not heard */
};

struct signal_post {
	/* OWNER: worker */
	unsigned busy; /* lanes with something to do */
	struct lane lane[];
};

/* ---- start and end */

struct signal_boxes *
signal_boxes_new(unsigned workers)
{
	struct signal_boxes *b = mem_try(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->workers = workers;
	b->at = mem_try_aligned(workers * sizeof(*b->at));
	if (b->at != NULL)
		return b;
	mem_free(b);
	return NULL;
}

static void
drop_all(struct signal_mail *m)
{
	struct signal_mail *next;

	for (; m != NULL; m = next) {
		next = m->next;
		m->drop(m);
	}
}

void
signal_boxes_free(struct signal_boxes *b)
{
	if (b == NULL)
		return;
	for (unsigned i = 0; i < b->workers; i++)
		drop_all(atomic_load(&b->at[i].latest));
	mem_free(b->at);
	mem_free(b);
}

int
signal_mail_join(struct signalling *s, struct mailbox *mailbox)
{
	struct signal_boxes *boxes = s->shared->boxes;
	struct box *box = &boxes->at[s->config.worker];

	s->post = mem_try(
	    1, sizeof(*s->post) + boxes->workers * sizeof(s->post->lane[0]));
	if (s->post == NULL)
		return ENOMEM;
	box->at = s;
	atomic_store_explicit(&box->mailbox, mailbox, memory_order_release);
	return 0;
}

void
signal_mail_leave(struct signalling *s)
{
	struct signal_boxes *boxes = s->shared->boxes;
	struct box *box = &boxes->at[s->config.worker];

	if (s->post == NULL)
		return;
	atomic_store_explicit(&box->mailbox, NULL, memory_order_release);
	box->at = NULL;
	for (unsigned i = 0; i < boxes->workers; i++)
		drop_all(s->post->lane[i].first);
	mem_free(s->post);
	s->post = NULL;
}

/* ---- arriving */

/* Takes all, the oldest first. */
static struct signal_mail *
take_all(struct box *box)
{
	struct signal_mail *m, *next, *oldest = NULL;
	unsigned n = 0;
	size_t bytes = 0;

	m = atomic_exchange_explicit(&box->latest, NULL, memory_order_acquire);
	for (; m != NULL; m = next) {
		next = m->next;
		m->next = oldest;
		oldest = m;
		bytes += m->size;
		n++;
	}
	atomic_fetch_sub_explicit(&box->count, n, memory_order_relaxed);
	atomic_fetch_sub_explicit(&box->bytes, bytes, memory_order_relaxed);
	return oldest;
}

static void
open_all(struct signalling *s, struct signal_mail *m)
{
	struct signal_mail *next;

	for (; m != NULL; m = next) {
		next = m->next;
		m->open(s, m);
	}
}

/* The bell: in the worker that the box belongs to. */
static void
on_bell(void *context, void *arg)
{
	struct box *box = arg;

	(void)context;
	if (box->at != NULL)
		open_all(box->at, take_all(box));
}

/* ---- leaving */

/* May m join what waits?  By number, and by bytes if it holds some. */
static bool
has_room(const struct lane *lane, const struct box *box, bool is_own,
    const struct signal_mail *m)
{
	unsigned count = lane->count;
	size_t bytes = lane->bytes;

	if (!is_own) {
		count +=
		    atomic_load_explicit(&box->count, memory_order_relaxed);
		bytes +=
		    atomic_load_explicit(&box->bytes, memory_order_relaxed);
	}
	return count < SIGNAL_MAIL_MAX &&
	    (m->size == 0 || bytes + m->size <= SIGNAL_MAIL_BYTES_MAX);
}

int
signal_mail_send(struct signalling *s, unsigned worker, struct signal_mail *m)
{
	struct lane *lane = &s->post->lane[worker];
	struct box *box = &s->shared->boxes->at[worker];

	if (!has_room(lane, box, worker == s->config.worker, m))
		return EAGAIN;
	m->next = NULL;
	if (lane->first == NULL && !lane->is_due)
		s->post->busy++;
	if (lane->first == NULL)
		lane->first = m;
	else
		lane->last->next = m;
	lane->last = m;
	lane->count++;
	lane->bytes += m->size;
	return 0;
}

/* Puts what gathered in lane into box, turned round: the latest in front. */
static bool
put_all(struct box *box, struct lane *lane)
{
	struct signal_mail *m, *next, *latest = NULL, *before;
	struct signal_mail *oldest = lane->first;

	for (m = lane->first; m != NULL; m = next) {
		next = m->next;
		m->next = latest;
		latest = m;
	}
	atomic_fetch_add_explicit(
	    &box->count, lane->count, memory_order_relaxed);
	atomic_fetch_add_explicit(
	    &box->bytes, lane->bytes, memory_order_relaxed);
	before = atomic_load_explicit(&box->latest, memory_order_relaxed);
	do {
		oldest->next = before;
	} while (!atomic_compare_exchange_weak_explicit(&box->latest, &before,
	    latest, memory_order_acq_rel, memory_order_relaxed));
	lane->first = lane->last = NULL;
	lane->count = 0;
	lane->bytes = 0;
	return before == NULL;
}

/* Only who found the box empty rings; the others' mail is taken with it. */
static void
post(struct signal_post *p, struct box *box, struct lane *lane)
{
	struct mailbox *mailbox;

	if (lane->first != NULL && put_all(box, lane))
		lane->is_due = true;
	mailbox = atomic_load_explicit(&box->mailbox, memory_order_acquire);
	if (lane->is_due && mailbox != NULL &&
	    mailbox_post(mailbox, on_bell, box) == 0)
		lane->is_due = false;
	if (!lane->is_due)
		p->busy--;
}

static void
open_own(struct signalling *s)
{
	struct lane *own = &s->post->lane[s->config.worker];
	struct signal_mail *m;

	while ((m = own->first) != NULL) {
		own->first = own->last = NULL;
		own->count = 0;
		own->bytes = 0;
		s->post->busy--;
		open_all(s, m);
	}
}

void
signal_mail_turn_end(struct signalling *s)
{
	struct signal_post *p = s->post;
	struct signal_boxes *boxes = s->shared->boxes;

	if (p->busy == 0)
		return;
	open_own(s);
	for (unsigned i = 0; i < boxes->workers && p->busy > 0; i++)
		if (i != s->config.worker &&
		    (p->lane[i].first != NULL || p->lane[i].is_due))
			post(p, &boxes->at[i], &p->lane[i]);
}
