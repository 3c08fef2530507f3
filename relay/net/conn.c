#include "net/conn.h"

#include "net/limits.h"
#include "net/listeners.h"

static void arm(struct net_conn *c, mono_ms delay);

static void
on_deadline(struct wheel_timer *t, mono_ms now)
{
	struct net_conn *c = LIST_ITEM(t, struct net_conn, timer);
	const mono_ms due =
	    c->heard + (c->state == CONN_OPEN ? CONN_IDLE_MS : CONN_FIRST_MS);

	if (c->state == CONN_CLOSING)
		net_conn_end(c, false);
	else if (now < due)
		arm(c, due - now);
	else
		net_conn_drop(c, STATS_DROP_STREAM_IDLE);
}

static void
arm(struct net_conn *c, mono_ms delay)
{
	wheel_set(
	    c->net->wheel, &c->timer, net_now(c->net) + delay, on_deadline);
}

void
net_conn_begin(struct net_conn *c, struct net *n)
{
	c->net = n;
	c->flow.conn = c;
	c->state = CONN_NEW;
	c->kind = net_transport_kind(c->flow.transport);
	c->heard = net_now(n);
	list_append(&n->conns, &c->node);
	arm(c, CONN_FIRST_MS);
}

/* The timer that runs is left alone: it looks at heard when it fires. */
void
net_conn_hear(struct net_conn *c)
{
	c->heard = net_now(c->net);
	if (c->state == CONN_NEW)
		c->state = CONN_OPEN;
}

void
net_conn_deliver(struct net_conn *c, struct buf *b)
{
	net_conn_hear(c);
	net_deliver(c->net, &c->flow, b);
}

static void
tell(struct net_conn *c)
{
	struct net *n = c->net;

	if (c->ops->closed == NULL || !c->ops->closed(c))
		n->sink.closed(n->sink.arg, &c->flow, net_now(n));
}

void
net_conn_end(struct net_conn *c, bool report)
{
	struct net *n = c->net;
	const bool is_known = c->state == CONN_OPEN;

	if (c->state == CONN_DEAD)
		return;
	c->state = CONN_DEAD;
	c->ops->stop(c);
	wheel_stop(n->wheel, &c->timer);
	net_limits_give(net_listeners_limits(n->listeners), &c->counted);
	list_remove(&c->node);
	list_append(&n->dead_conns, &c->node);
	if (report && is_known)
		tell(c);
}

void
net_conn_drop(struct net_conn *c, enum stats_drop why)
{
	if (c->state == CONN_DEAD)
		return;
	net_dropped(c->net, why);
	net_conn_end(c, true);
}

void
net_conn_close(struct net_conn *c)
{
	if (c->state == CONN_DEAD || c->state == CONN_CLOSING)
		return;
	c->state = CONN_CLOSING;
	arm(c, CONN_CLOSE_MS);
	c->ops->close(c);
}

void
net_conn_finish(struct net_conn *c)
{
	const bool is_known = c->state == CONN_OPEN;

	net_conn_close(c);
	if (is_known)
		tell(c);
}

void
net_conn_keep(struct net_conn *c, bool keep)
{
	if (c->state == CONN_DEAD || c->state == CONN_CLOSING)
		return;
	c->is_kept = keep;
	if (keep) {
		wheel_stop(c->net->wheel, &c->timer);
		return;
	}
	c->heard = net_now(c->net);
	arm(c, CONN_IDLE_MS);
}

void
net_conn_limit(struct net_conn *c, mono_ms delay)
{
	c->is_kept = false;
	c->heard = net_now(c->net) + delay - CONN_IDLE_MS;
	arm(c, delay);
}

void
net_conn_bury(struct net *n)
{
	while (!list_is_empty(&n->dead_conns)) {
		struct net_conn *c =
		    LIST_ITEM(n->dead_conns.next, struct net_conn, node);

		list_remove(&c->node);
		c->ops->free(c);
	}
}

void
net_conn_end_all(struct net *n)
{
	while (!list_is_empty(&n->conns))
		net_conn_end(
		    LIST_ITEM(n->conns.next, struct net_conn, node), false);
}
