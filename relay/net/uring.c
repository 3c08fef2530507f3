#include "net/uring.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <liburing.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "net/core.h"
#include "net/looped.h"
#include "net/out.h"
#include "net/slots.h"

enum {
	ENTRIES = 1024, /* submissions: sends, and sockets to receive on */
	COMPLETIONS = 8192,
	GROUP = 0, /* the only one of buffers */
	PAGE = 4096,
	NAME = 32, /* bytes for the address of who sent, aligned */
	LET_GO_TRIES = 64,
	BUSY_TRIES = 16,   /* at once */
	ROUNDS = 4,        /* in one wake-up by libevent */
	RUN_AT_LEAST = 16, /* in one call, of what the kernel has due */
};

/* What a completion is about: the low bits of its data.  Data of a watch is
 * its address; of a send, tag and round above. */
enum kind { KIND_WATCH, KIND_SEND, KIND_LOOP, KIND_NONE, KINDS };

struct net_uring {
	/* OWNER: worker */
	struct net *net; /* borrowed */
	struct io_uring ring;
	bool is_open;
	struct io_uring_buf_ring *buffers; /* in buffers_memory */
	void *buffers_memory;
	int wake_fd;     /* the ring in libevent's loop; -1: not there */
	struct event ev; /* of it */
	unsigned vain;   /* calls since something completed */
	int loop_fd;     /* what libevent waits on; -1: it waits on us */
	bool is_loop_armed, is_loop_ready;
	bool is_ending; /* what still comes is let go */
	unsigned armed;
	struct list unarmed;  /* watches the kernel has to be given */
	struct list troubled; /* watches whose failed is to be called */
	unsigned sends;       /* not submitted yet */
	uint32_t round;       /* of sends */
};

/* Where the kernel puts what: the header, the name, control messages, the
 * datagram. */
static struct msghdr layouts[] = {
	{ .msg_namelen = NAME, .msg_controllen = CMSG_SPACE(sizeof(int)) },
	{ .msg_namelen = NAME,
	    .msg_controllen = CMSG_SPACE(sizeof(int)) +
		CMSG_SPACE(sizeof(struct in6_pktinfo)) },
};

static struct msghdr *
find_layout(const struct net_watch *w)
{
	return &layouts[w->wants_local];
}

static size_t
front(const struct msghdr *layout)
{
	return sizeof(struct io_uring_recvmsg_out) + layout->msg_namelen +
	    layout->msg_controllen;
}

/* ---- making it */

static int
open_ring(struct net_uring *u)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER |
		    IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
		    IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG,
		.cq_entries = COMPLETIONS,
	};
	int code = -io_uring_queue_init_params(ENTRIES, &u->ring, &p);

	if (code != 0)
		return code;
	u->is_open = true;
	/* enters by an index: faster; without it, nothing is different */
	io_uring_register_ring_fd(&u->ring);
	/* who may make one need not be let in */
	return -io_uring_get_events(&u->ring);
}

/* The kernel takes them in turn, so that all are soon in use: what a packet
 * of usual size needs of each is had now, not while packets come. */
static void
touch_slots(struct net_slots *slots)
{
	for (unsigned i = 0; i < SLOT_RING_COUNT; i++) {
		volatile uint8_t *slot = net_slots_ring(slots, i);

		slot[0] = slot[SLOT_BYTES] = 0;
	}
}

static int
open_buffers(struct net_uring *u)
{
	const size_t bytes = SLOT_RING_COUNT * sizeof(struct io_uring_buf);
	struct io_uring_buf_reg reg = {
		.ring_entries = SLOT_RING_COUNT,
		.bgid = GROUP,
	};
	uintptr_t at;

	if (!net_slots_add_ring(u->net->slots))
		return ENOMEM;
	if ((u->buffers_memory = mem_try(1, bytes + PAGE)) == NULL)
		return ENOMEM;
	touch_slots(u->net->slots);
	at = ((uintptr_t)u->buffers_memory + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
	u->buffers = (void *)at;
	io_uring_buf_ring_init(u->buffers);
	reg.ring_addr = at;
	return -io_uring_register_buf_ring(&u->ring, &reg, 0);
}

static void on_ring(evutil_socket_t fd, short what, void *arg);

/* The ring as one of libevent's, or libevent as one of the ring's. */
static int
join_loop(struct net_uring *u, bool waits)
{
	u->loop_fd = waits ? net_looped_fd(u->net->base) : -1;
	if (u->loop_fd >= 0)
		return 0;
	if ((u->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0)
		return errno;
	event_assign(&u->ev, u->net->base, u->wake_fd,
	    EV_READ | EV_PERSIST | EV_ET, on_ring, u);
	if (event_add(&u->ev, NULL) != 0)
		return ENOMEM;
	return -io_uring_register_eventfd(&u->ring, u->wake_fd);
}

struct net_uring *
net_uring_new(struct net *n, bool waits)
{
	struct net_uring *u = mem_try(1, sizeof(*u));
	int code;

	if (u == NULL)
		return NULL;
	u->net = n;
	u->loop_fd = u->wake_fd = -1;
	list_init(&u->unarmed);
	list_init(&u->troubled);
	if ((code = open_ring(u)) != 0 || (code = open_buffers(u)) != 0 ||
	    (code = join_loop(u, waits)) != 0)
		goto fail;
	return u;

fail:
	log_info("net: io_uring not used worker=%u reason=\"%s\"", n->worker,
	    strerror(code));
	net_uring_free(u);
	return NULL;
}

/* ---- what goes in */

static struct io_uring_sqe *
next_entry(struct net_uring *u)
{
	struct io_uring_sqe *s;

	while ((s = io_uring_get_sqe(&u->ring)) == NULL)
		io_uring_submit(&u->ring);
	return s;
}

static void
arm(struct net_uring *u, struct net_watch *w)
{
	struct io_uring_sqe *s = next_entry(u);

	io_uring_prep_recvmsg_multishot(s, w->fd, find_layout(w), 0);
	s->ioprio |= IORING_RECVSEND_POLL_FIRST;
	s->flags |= IOSQE_BUFFER_SELECT;
	s->buf_group = GROUP;
	io_uring_sqe_set_data(s, w);
	w->is_armed = true;
	u->armed++;
}

static void
arm_all(struct net_uring *u)
{
	while (!list_is_empty(&u->unarmed)) {
		struct list *node = u->unarmed.next;

		list_remove(node);
		arm(u, LIST_ITEM(node, struct net_watch, node));
	}
}

static void
arm_loop(struct net_uring *u)
{
	struct io_uring_sqe *s;

	if (u->is_loop_armed)
		return;
	s = next_entry(u);
	io_uring_prep_poll_add(s, u->loop_fd, POLLIN);
	io_uring_sqe_set_data64(s, KIND_LOOP);
	u->is_loop_armed = true;
}

/* Gives the kernel the slots that nobody has. */
static void
give_slots(struct net_uring *u)
{
	const int mask = io_uring_buf_ring_mask(SLOT_RING_COUNT);
	int count = 0;
	unsigned i;

	while (net_slots_give(u->net->slots, &i)) {
		io_uring_buf_ring_add(u->buffers,
		    net_slots_ring(u->net->slots, i), SLOT_RING_BYTES,
		    (unsigned short)i, mask, count++);
	}
	if (count > 0)
		io_uring_buf_ring_advance(u->buffers, count);
}

void
net_uring_send(
    struct net_uring *u, int fd, const struct msghdr *m, unsigned tag)
{
	struct io_uring_sqe *s = next_entry(u);

	if (m->msg_iovlen > 1 || m->msg_control != NULL) {
		io_uring_prep_sendmsg(s, fd, m, MSG_DONTWAIT);
	} else {
		io_uring_prep_send(s, fd, m->msg_iov->iov_base,
		    m->msg_iov->iov_len, MSG_DONTWAIT);
		io_uring_prep_send_set_addr(
		    s, m->msg_name, (uint16_t)m->msg_namelen);
	}
	s->flags |= IOSQE_CQE_SKIP_SUCCESS;
	io_uring_sqe_set_data64(
	    s, (uint64_t)u->round << 32 | tag * KINDS | KIND_SEND);
	u->sends++;
}

/* ---- into the kernel */

static enum kind
kind_of(const struct io_uring_cqe *c)
{
	return c->user_data % KINDS;
}

/* All sends are in the kernel, hence done: those that have a completion
 * failed. */
static void
end_sends(struct net_uring *u)
{
	struct io_uring_cqe *c;
	unsigned at;

	if (u->sends == 0)
		return;
	stats_count(u->net->stats, STATS_SYSCALLS_SEND, 1);
	io_uring_for_each_cqe(&u->ring, at, c)
	{
		if (kind_of(c) != KIND_SEND)
			continue;
		if (c->user_data >> 32 == u->round)
			net_out_failed(u->net->out,
			    (uint32_t)c->user_data / KINDS, -c->res);
		c->user_data = KIND_NONE;
	}
	u->sends = 0;
	u->round++;
	net_out_sent(u->net->out);
}

/* Submits all.  ms < 0: no more than that; else takes what has come, waiting
 * for it at most so long. */
static void
enter(struct net_uring *u, int ms)
{
	struct __kernel_timespec limit = {
		.tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000ll,
	};
	struct io_uring_cqe *c;
	unsigned tries = 0;

	if (ms < 0)
		io_uring_submit(&u->ring);
	else if (ms == 0)
		io_uring_submit_and_get_events(&u->ring);
	else
		io_uring_submit_and_wait_timeout(&u->ring, &c, 1, &limit, NULL);
	/* short of memory: it will have some */
	while (io_uring_sq_ready(&u->ring) > 0) {
		if (++tries > BUSY_TRIES)
			poll(NULL, 0, 1);
		io_uring_submit(&u->ring);
	}
	end_sends(u);
}

void
net_uring_submit(struct net_uring *u)
{
	enter(u, -1);
}

/* ---- what comes out */

static void
arrive(struct net_uring *u, struct net_watch *w, unsigned i, size_t bytes)
{
	const struct msghdr *layout = find_layout(w);
	struct net_batch *batch = u->net->batch;
	struct io_uring_recvmsg_out *o;
	struct net_batch_got got = {
		.slot = i,
		.at = (uint32_t)front(layout),
		.len = (uint32_t)(bytes - front(layout)),
	};

	o = (void *)net_slots_ring(u->net->slots, i);
	got.flags = (int)o->flags;
	got.from = io_uring_recvmsg_name(o);
	got.control = (uint8_t *)(o + 1) + layout->msg_namelen;
	got.control_len = o->controllen;
	net_batch_put(batch, &got);
	if (!u->is_ending)
		w->got(w);
	net_batch_take_back(batch);
}

static void
watch_again(struct net_uring *u, struct net_watch *w)
{
	if (!w->is_stopped && !w->is_armed && !list_is_linked(&w->node))
		list_append(&u->unarmed, &w->node);
}

static void
on_watch(struct net_uring *u, struct net_watch *w, int res, unsigned flags)
{
	const unsigned slot = flags >> IORING_CQE_BUFFER_SHIFT;

	if ((flags & IORING_CQE_F_MORE) == 0) {
		w->is_armed = false;
		u->armed--;
	}
	if ((flags & IORING_CQE_F_BUFFER) != 0)
		arrive(u, w, slot, (size_t)res);
	else if (res < 0 && res != -ENOBUFS && res != -ECANCELED)
		net_uring_trouble(u, w);
	watch_again(u, w);
}

static void
on_completion(struct net_uring *u, const struct io_uring_cqe *c)
{
	switch (kind_of(c)) {
	case KIND_WATCH:
		on_watch(u, io_uring_cqe_get_data(c), c->res, c->flags);
		break;
	case KIND_LOOP:
		u->is_loop_armed = false;
		u->is_loop_ready = true;
		break;
	default: /* told already */
		break;
	}
}

/* Hands up what is here, not what comes meanwhile. */
static void
hand_up(struct net_uring *u)
{
	unsigned left = io_uring_cq_ready(&u->ring), done = 0, at;
	struct io_uring_cqe *c;

	if (left == 0)
		return;
	stats_count(u->net->stats, STATS_SYSCALLS_RECV, 1);
	io_uring_for_each_cqe(&u->ring, at, c)
	{
		if (left-- == 0)
			break;
		on_completion(u, c);
		done++;
	}
	io_uring_cq_advance(&u->ring, done);
	net_uring_settle(u);
}

/* ---- watching */

void
net_uring_watch(struct net_uring *u, struct net_watch *w)
{
	w->is_armed = w->is_stopped = false;
	list_append(&u->unarmed, &w->node);
}

/* Is the last completion of w among those not handed up yet? */
static bool
has_let_go(struct net_uring *u, const struct net_watch *w, int tries)
{
	struct io_uring_cqe *c;
	unsigned at;

	io_uring_for_each_cqe(&u->ring, at, c)
	{
		if (c->user_data == (uintptr_t)w &&
		    (c->flags & IORING_CQE_F_MORE) == 0)
			return true;
	}
	/* what found no place is not seen */
	return tries > 1 && io_uring_cq_has_overflow(&u->ring);
}

static void
cancel(struct net_uring *u, uint64_t data, int flags)
{
	struct io_uring_sqe *s = next_entry(u);

	io_uring_prep_cancel64(s, data, flags);
	s->flags |= IOSQE_CQE_SKIP_SUCCESS;
	io_uring_sqe_set_data64(s, KIND_NONE);
	enter(u, 0);
}

void
net_uring_unwatch(struct net_uring *u, struct net_watch *w)
{
	w->is_stopped = true;
	list_remove(&w->node);
	if (!w->is_armed)
		return;
	for (int i = 0; i < LET_GO_TRIES && !has_let_go(u, w, i); i++)
		cancel(u, (uintptr_t)w, 0);
}

void
net_uring_trouble(struct net_uring *u, struct net_watch *w)
{
	if (w->is_stopped)
		return;
	/* it may wait to be armed */
	list_remove(&w->node);
	list_append(&u->troubled, &w->node);
}

bool
net_uring_settle(struct net_uring *u)
{
	struct list *node;
	unsigned count = 0;

	/* those that are in trouble again by then wait */
	LIST_EACH (node, &u->troubled)
		count++;
	for (unsigned i = 0; i < count && !list_is_empty(&u->troubled); i++) {
		struct net_watch *w;

		node = u->troubled.next;
		w = LIST_ITEM(node, struct net_watch, node);
		list_remove(node);
		watch_again(u, w);
		w->failed(w);
	}
	return count > 0;
}

/* ---- waiting */

/*
 * After a call that has run what was due: is all of it done?  The kernel runs
 * some at a time, not all of it completes anything, and its word of more may
 * be old.
 */
static bool
is_drained(struct net_uring *u)
{
	const unsigned flags = IO_URING_READ_ONCE(*u->ring.sq.kflags);

	if (io_uring_cq_ready(&u->ring) > 0) {
		u->vain = 0;
		return false;
	}
	if ((flags & IORING_SQ_TASKRUN) != 0 &&
	    u->vain++ < u->armed / RUN_AT_LEAST + 1)
		return false;
	u->vain = 0;
	return true;
}

static void
on_ring(evutil_socket_t fd, short what, void *arg)
{
	struct net_uring *u = arg;

	(void)fd;
	(void)what;
	/* told of an edge only: until nothing is left, or in another turn */
	for (int i = 0; i < ROUNDS; i++) {
		give_slots(u);
		arm_all(u);
		enter(u, 0);
		if (is_drained(u))
			return;
		hand_up(u);
	}
	eventfd_write(u->wake_fd, 1);
}

void
net_uring_turn_end(struct net_uring *u)
{
	if (u->loop_fd >= 0 || list_is_empty(&u->unarmed))
		return;
	give_slots(u);
	arm_all(u);
	enter(u, -1);
}

bool
net_uring_is_loop(const struct net_uring *u)
{
	return u->loop_fd >= 0;
}

/* The kernel lets go of every socket. */
static void
let_all_go(struct net_uring *u)
{
	const unsigned tries = u->armed / RUN_AT_LEAST + LET_GO_TRIES;

	u->is_ending = true;
	for (unsigned i = 0; i < tries && u->armed > 0; i++) {
		cancel(u, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
		hand_up(u);
		/* none is to be armed again */
		while (!list_is_empty(&u->unarmed))
			list_remove(u->unarmed.next);
	}
}

void
net_uring_free(struct net_uring *u)
{
	if (u == NULL)
		return;
	if (u->is_open) {
		let_all_go(u);
		io_uring_queue_exit(&u->ring);
	}
	if (u->wake_fd >= 0) {
		event_del(&u->ev);
		close(u->wake_fd);
	}
	mem_free(u->buffers_memory);
	mem_free(u);
}

bool
net_uring_wait(struct net_uring *u, int ms)
{
	if (u->loop_fd < 0)
		return false;
	/* what is to be sent has the slots that these wait for */
	if (!list_is_empty(&u->unarmed) && u->sends > 0)
		enter(u, -1);
	give_slots(u);
	arm_all(u);
	arm_loop(u);
	enter(u, ms);
	hand_up(u);
	if (u->is_loop_ready) {
		u->is_loop_ready = false;
		event_base_loop(u->net->base, EVLOOP_NONBLOCK);
	}
	return true;
}
