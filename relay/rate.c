#include "relay/rate.h"

static struct rate_totals
totals_of(const struct stats *sum)
{
	struct rate_totals t = { 0 };

	for (int d = 0; d < STATS_DIRS; d++) {
		for (int k = 0; k < STATS_KINDS; k++) {
			t.bytes[d] += sum->wire_bytes[d][k];
			t.packets[d] += sum->wire_packets[d][k];
		}
	}
	t.relayed_packets = sum->counter[STATS_RELAYED_UP_PACKETS] +
	    sum->counter[STATS_RELAYED_DOWN_PACKETS];
	return t;
}

void
rate_feed(struct rate *r, const struct stats *sum, mono_ms now)
{
	r->sample[r->next] = totals_of(sum);
	r->at[r->next] = now;
	r->next = (r->next + 1) % (RATE_WINDOW + 1);
	if (r->count <= RATE_WINDOW)
		r->count++;
}

static uint64_t
per_second(uint64_t from, uint64_t to, int64_t ms)
{
	return (to - from) * 1000 / (uint64_t)ms;
}

struct rate_view
rate_view(const struct rate *r)
{
	const unsigned size = RATE_WINDOW + 1;
	const unsigned last = (r->next + size - 1) % size;
	const unsigned first = (r->next + size - r->count) % size;
	const struct rate_totals *a = &r->sample[first];
	const struct rate_totals *b = &r->sample[last];
	struct rate_view v = { 0 };
	int64_t ms;

	if (r->count < 2 || (ms = r->at[last] - r->at[first]) <= 0)
		return v;
	v.window_ms = ms;
	for (int d = 0; d < STATS_DIRS; d++) {
		v.per_second.bytes[d] =
		    per_second(a->bytes[d], b->bytes[d], ms);
		v.per_second.packets[d] =
		    per_second(a->packets[d], b->packets[d], ms);
	}
	v.per_second.relayed_packets =
	    per_second(a->relayed_packets, b->relayed_packets, ms);
	return v;
}
