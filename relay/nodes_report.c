#include "relay/nodes_report.h"

#include <inttypes.h>

#include "directory/directory.h"
#include "relay/server.h"
#include "relay/snapshot.h"

static json_int_t
count(const struct stats *sum, enum stats_counter c)
{
	return (json_int_t)sum->counter[c];
}

json_t *
nodes_report_json(const struct server *s, const struct stats *sum)
{
	struct directory_counts d;

	directory_count(s->directory, &d);
	return json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}",
	    "enabled", s->conf->signalling.enabled, "names",
	    (json_int_t)d.names[DIRECTORY_NODES], "sessions",
	    count(sum, STATS_SIGNAL_SESSIONS), "detached",
	    count(sum, STATS_SIGNAL_DETACHED), "peerjs",
	    (json_int_t)d.sessions[DIRECTORY_PEERJS], "watches",
	    (json_int_t)d.watches, "waiting", count(sum, STATS_SIGNAL_WAITING),
	    "ready_total", count(sum, STATS_SIGNAL_READY), "resumed_total",
	    count(sum, STATS_SIGNAL_RESUMED), "delivered_total",
	    count(sum, STATS_SIGNAL_MESSAGES_OUT), "errors_total",
	    count(sum, STATS_SIGNAL_ERRORS), "directory_bytes",
	    (json_int_t)d.bytes);
}

static void
put(FILE *out, const char *name, const char *help, uint64_t value)
{
	fprintf(out,
	    "# HELP supernode_directory_%s %s\n"
	    "# TYPE supernode_directory_%s gauge\n"
	    "supernode_directory_%s %" PRIu64 "\n",
	    name, help, name, name, value);
}

void
nodes_report_metrics(const struct server *s, FILE *out)
{
	struct directory_counts d;

	directory_count(s->directory, &d);
	put(out, "names", "Names of nodes that are there.",
	    d.names[DIRECTORY_NODES]);
	put(out, "peerjs_ids", "Ids of PeerServer clients that are there.",
	    d.names[DIRECTORY_PEERJS]);
	put(out, "watches", "Names that are watched, by session.", d.watches);
	put(out, "bytes", "Memory of the directory.", d.bytes);
}
