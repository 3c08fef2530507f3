#include "relay/metrics_budget.h"

#include <inttypes.h>
#include <string.h>

#include "budget/budget.h"
#include "relay/stats.h"

static void
family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP supernode_%s %s\n# TYPE supernode_%s %s\n", name,
	    help, name, type);
}

static void
put_host(FILE *out, const struct budget_usage *u)
{
	family(out, "cap_error_bytes", "gauge",
	    "Bytes that passed beyond rate x time + burst in a window of a "
	    "second or more; none do.");
	fprintf(out, "supernode_cap_error_bytes %" PRIu64 "\n", u->error_bytes);
	family(out, "budget_share_bytes_per_second", "gauge",
	    "What is fair for each user while the cap binds, +Inf while it "
	    "does not.");
	if (u->share == 0)
		fputs("supernode_budget_share_bytes_per_second +Inf\n", out);
	else
		fprintf(out, "supernode_budget_share_bytes_per_second %.17g\n",
		    (double)u->share / 8);
	family(out, "budget_users", "gauge",
	    "Users: with an allocation, with traffic, above their share.");
	fprintf(out,
	    "supernode_budget_users{state=\"all\"} %u\n"
	    "supernode_budget_users{state=\"active\"} %u\n"
	    "supernode_budget_users{state=\"held\"} %u\n",
	    u->users, u->active, u->held);
}

/* ---- networks: one family after the other */

struct series {
	FILE *out;
	enum { BYTES, DROPPED, RATE } what;
};

static void
put_bytes(FILE *out, const struct budget_account *a)
{
	for (unsigned dir = 0; dir < STATS_DIRS; dir++)
		fprintf(out,
		    "supernode_network_wire_bytes_total{network=\"%s\","
		    "direction=\"%s\"} %" PRIu64 "\n",
		    a->name, stats_dir_label((enum stats_dir)dir),
		    a->bytes[dir]);
}

static void
put_network(void *arg, const struct budget_account *a)
{
	const struct series *to = arg;

	switch (to->what) {
	case BYTES:
		put_bytes(to->out, a);
		return;
	case DROPPED:
		fprintf(to->out,
		    "supernode_network_dropped_packets_total{network=\"%s\"} "
		    "%" PRIu64 "\n",
		    a->name, a->dropped);
		return;
	case RATE:
		if (a->rate != 0)
			fprintf(to->out,
			    "supernode_network_rate_bytes_per_second{network="
			    "\"%s\"} %.17g\n",
			    a->name, (double)a->rate / 8);
		return;
	}
}

static void
put_networks(FILE *out, struct budget_host *h)
{
	family(out, "network_wire_bytes_total", "counter",
	    "IP bytes relayed for a network, headers included.");
	budget_host_networks(h, put_network, &(struct series){ out, BYTES });
	family(out, "network_dropped_packets_total", "counter",
	    "Packets of a network dropped for a cap, a share or a quota.");
	budget_host_networks(h, put_network, &(struct series){ out, DROPPED });
	family(out, "network_rate_bytes_per_second", "gauge",
	    "Cap of a network in each direction, where it has one.");
	budget_host_networks(h, put_network, &(struct series){ out, RATE });
}

void
metrics_budget_render(FILE *out, struct budget_host *h, int64_t now_us)
{
	struct budget_usage u;

	budget_host_usage(h, &u, now_us);
	put_host(out, &u);
	put_networks(out, h);
}
