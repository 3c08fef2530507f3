#include "common/mem.h"
#include "signalling/ask.h"
#include "signalling/counts.h"
#include "signalling/presence.h"
#include "signalling/session.h"

/* Those who wait for what was never handed over hear it now. */
static void
refuse_owed(struct signalling *s, struct signal_window *w)
{
	for (uint32_t i = 0; i < w->count; i++) {
		struct signal_origin *owed = signal_window_at(w, i)->owed;

		if (owed != NULL)
			signal_ask_answer(s, owed, false);
	}
}

void
signal_estate_drop(struct signal_estate *e)
{
	signal_window_fini(&e->window);
	for (unsigned i = 0; i < e->watched_count; i++)
		mem_free(e->watched[i]);
	mem_free(e->watched);
	mem_free(e->room);
	mem_free(e->name);
	*e = (struct signal_estate){ 0 };
}

void
signal_estate_fini(struct signalling *s, struct signal_estate *e)
{
	if (e->name != NULL)
		signal_presence_leave(s, e);
	refuse_owed(s, &e->window);
	if (!addr_is_none(&e->counted))
		signal_counts_put(s->shared->counts, &e->counted);
	signal_estate_drop(e);
}
