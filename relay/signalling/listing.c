#include <string.h>

#include "signalling/peerjs.h"
#include "signalling/session.h"

static void
view(struct signalling_view *v, const struct signal_session *ss, mono_ms now)
{
	const struct signal_estate *e = &ss->e;

	*v = (struct signalling_view){
		.dialect = "supernode.v1",
		.name = e->name,
		.session = e->place.session,
		.client = e->counted,
		.is_detached = ss->web == NULL,
		.age_ms = now - e->opened,
		.messages_in = e->messages_in,
		.messages_out = e->messages_out,
		.bytes_in = e->bytes_in,
		.bytes_out = e->bytes_out,
		.watches = e->watched_count,
	};
	if (ss->web == NULL)
		return;
	v->client = net_web_flow(ss->web)->client;
	v->transport = net_web_flow(ss->web)->transport;
}

void
signalling_list(
    struct signalling *s, signalling_view_fn *fn, void *arg, mono_ms now)
{
	struct signalling_view v;
	struct list *n;

	OWNER_CHECK(s);
	LIST_EACH (n, &s->all) {
		const struct signal_session *ss =
		    LIST_ITEM(n, struct signal_session, node);

		if (ss->e.name == NULL)
			continue;
		view(&v, ss, now);
		fn(arg, &v);
	}
	signal_peerjs_list(s, fn, arg, now);
}
