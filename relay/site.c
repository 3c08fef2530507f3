#include "relay/site.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/entropy.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/mono.h"
#include "common/secret.h"
#include "common/units.h"
#include "policy/policy.h"
#include "relay/audit.h"
#include "relay/consent.h"
#include "relay/server.h"
#include "relay/site_dns.h"
#include "relay/site_store.h"
#include "relay/snapshot.h"
#include "relay/snapshot_key.h"

enum {
	PATH_MAX_LEN = 4096,
	TROUBLE_MAX = 96,
	STATE_MODE = 0750,
	WAIT_S = SITE_WAIT_MS / 1000,
};

/* One network, or the file. */
struct source {
	struct site *site; /* borrowed */
	char *name;
	bool is_file;
	bool is_asking;
	struct policy_site word; /* the last one */
	int64_t heard_s;         /* wall clock; 0: never */
	unsigned failures;       /* since then */
	char trouble[TROUBLE_MAX];
	struct event *timer;
};

struct site {
	/* OWNER: main */
	struct server *server; /* borrowed */
	struct source *sources;
	size_t count;
	struct site_dns
	    *dns; /* made anew for each round: resolv.conf changes */
	unsigned asking;
	struct event *patience; /* how long silence holds relaying back */
	bool is_patient;
	struct policy_site sum;
	char store[PATH_MAX_LEN];
};

/* ---- what it all comes to */

static const struct source *
unheard(const struct site *site)
{
	for (size_t i = 0; i < site->count; i++)
		if (site->sources[i].heard_s == 0)
			return &site->sources[i];
	return NULL;
}

/* The first whose word on its own says as little as the sum. */
static const struct source *
strictest(const struct site *site)
{
	for (size_t i = 0; i < site->count; i++) {
		const struct source *s = &site->sources[i];

		if (s->heard_s == 0)
			continue;
		if (!site->sum.relay ? !s->word.relay
				     : s->word.rate == site->sum.rate)
			return s;
	}
	return NULL;
}

static void
say_word(struct consent_say *say, const struct site *site)
{
	const struct source *by = strictest(site);
	const struct policy_site *sum = &site->sum;

	say->relay = sum->relay;
	say->rate = sum->rate;
	if (by == NULL || (sum->relay && sum->rate == 0))
		return;
	snprintf(say->reason, sizeof(say->reason), "%.60s %s%.50s", by->name,
	    sum->relay ? "allows so much" : "allows no relaying",
	    by->word.fault[0] != '\0' ? " (not understood: strictly)" : "");
	/* less than one packet a second is none */
	if (sum->rate != 0 && sum->rate < SNAPSHOT_RATE_MIN)
		say->relay = false;
}

static void
decide(struct site *site)
{
	struct consent_say say = { .relay = true };
	const struct source *silent = unheard(site);

	policy_site_init(&site->sum);
	for (size_t i = 0; i < site->count; i++)
		if (site->sources[i].heard_s != 0)
			policy_site_merge(&site->sum, &site->sources[i].word);
	say_word(&say, site);
	if (silent != NULL && site->is_patient && say.relay) {
		say.relay = false;
		snprintf(say.reason, sizeof(say.reason),
		    "%.60s is asked for its word, for %d s at most",
		    silent->name, WAIT_S);
	}
	consent_set(site->server->consent, CONSENT_SITE, &say);
}

static void
on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct site *site = arg;
	const struct source *silent = unheard(site);

	(void)fd;
	(void)what;
	site->is_patient = false;
	if (silent != NULL)
		log_warn("site: not heard, the configuration alone holds "
			 "site=%s",
		    silent->name);
	decide(site);
}

/* ---- a word */

static json_t *
word_json(const struct policy_site *w)
{
	char rate[UNITS_TEXT_MAX], month[UNITS_TEXT_MAX];

	return json_pack("{s:b,s:b,s:s*,s:s*,s:s*,s:s*}", "found",
	    w->records > 0, "relay", w->relay, "rate",
	    w->rate != 0 ? units_format_rate(w->rate, rate) : NULL, "month",
	    w->month != 0 ? units_format_size(w->month, month) : NULL,
	    "contact", w->contact[0] != '\0' ? w->contact : NULL, "fault",
	    w->fault[0] != '\0' ? w->fault : NULL);
}

static bool
is_same(const struct policy_site *a, const struct policy_site *b)
{
	return (a->records > 0) == (b->records > 0) && a->relay == b->relay &&
	    a->rate == b->rate && a->month == b->month &&
	    strcmp(a->contact, b->contact) == 0 &&
	    strcmp(a->fault, b->fault) == 0;
}

static void
tell(const struct source *s)
{
	json_t *j = word_json(&s->word);
	char *text = json_dumps(j, JSON_COMPACT);

	log_info(
	    "site: said site=%s word=%s", s->name, text != NULL ? text : "?");
	mem_free(text); /* jansson allocates by malloc, as mem does */
	json_object_set_new(j, "site", json_string(s->name));
	audit_event(s->site->server->audit, "policy", j);
}

static void
save(const struct site *site)
{
	const char *state = site->server->conf->node.state;
	struct site_store_entry *e;
	int rc;

	if ((e = mem_try(site->count + 1, sizeof(*e))) == NULL)
		return;
	for (size_t i = 0; i < site->count; i++)
		e[i] = (struct site_store_entry){ site->sources[i].name,
			site->sources[i].word, site->sources[i].heard_s };
	if ((mkdir(state, STATE_MODE) < 0 && errno != EEXIST) ||
	    (rc = site_store_save(e, site->count, site->store)) != 0)
		log_warn("site: last words not kept path=%s", site->store);
	mem_free(e);
}

/* Some of it may be a tenth more or less, so that not all hosts of a network
 * ask at once. */
static void
set_timer(struct source *s, int64_t ms)
{
	const int64_t spread = ms / 5;
	struct timeval tv;

	if (spread > 0)
		ms += (int64_t)entropy_below((uint32_t)spread) - spread / 2;
	tv = (struct timeval){ ms / 1000, ms % 1000 * 1000 };
	event_add(s->timer, &tv);
}

static int64_t
retry_ms(const struct source *s)
{
	int64_t ms = SITE_RETRY_MS;

	for (unsigned i = 1; i < s->failures && ms < SITE_EVERY_MS; i++)
		ms *= 2;
	return ms < SITE_EVERY_MS ? ms : SITE_EVERY_MS;
}

static void
hear(struct source *s, const struct policy_site *word)
{
	const bool is_new = s->heard_s == 0 || !is_same(&s->word, word);

	s->word = *word;
	s->heard_s = mono_wall_s();
	s->failures = 0;
	s->trouble[0] = '\0';
	if (is_new)
		tell(s);
	if (is_new || !s->is_file)
		save(s->site);
	decide(s->site);
}

static void
miss(struct source *s, const char *why)
{
	snprintf(s->trouble, sizeof(s->trouble), "%s", why);
	if (s->failures++ == 0)
		log_warn("site: not heard, the last word stays site=%s "
			 "reason=\"%s\"",
		    s->name, s->trouble);
}

/* ---- asking */

static void
on_answer(void *arg, enum site_dns_outcome outcome,
    const struct policy_site *word, const char *why)
{
	struct source *s = arg;

	s->is_asking = false;
	s->site->asking--;
	if (outcome == SITE_DNS_FAILED)
		miss(s, why);
	else
		hear(s, word);
	set_timer(s, s->failures > 0 ? retry_ms(s) : SITE_EVERY_MS);
}

static int
open_dns(struct site *site, char *why, size_t why_size)
{
	if (site->dns != NULL && site->asking > 0)
		return 0;
	site_dns_close(site->dns);
	site->dns = NULL;
	return site_dns_open(&site->dns, site->server->base,
	    &site->server->conf->policy.resolver, why, why_size);
}

static void
ask_dns(struct source *s)
{
	struct site *site = s->site;
	char why[TROUBLE_MAX];

	if (s->is_asking)
		return;
	if (open_dns(site, why, sizeof(why)) != 0) {
		miss(s, why);
		set_timer(s, retry_ms(s));
		return;
	}
	s->is_asking = true;
	site->asking++;
	site_dns_ask(site->dns, s->name, on_answer, s);
}

/* No file is no word; one that cannot be read keeps the last. */
static void
read_file(struct source *s)
{
	struct policy_site word;
	char *text = NULL;
	const int rc = secret_load(&text, s->name);

	policy_site_init(&word);
	if (rc == 0)
		policy_site_add_file(&word, text, strlen(text));
	policy_site_end(&word);
	secret_free(text);
	if (rc == 0 || rc == ENOENT)
		hear(s, &word);
	else
		miss(s, code_text(rc));
	set_timer(s, SITE_FILE_MS);
}

static void
ask(struct source *s)
{
	if (s->is_file)
		read_file(s);
	else
		ask_dns(s);
}

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ask(arg);
}

void
site_ask(struct site *site)
{
	for (size_t i = 0; i < site->count; i++)
		ask(&site->sources[i]);
}

/* ---- who is asked */

static void
free_sources(struct source *sources, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		mem_free(sources[i].name);
		if (sources[i].timer != NULL)
			event_free(sources[i].timer);
	}
	mem_free(sources);
}

static int
add_source(struct site *site, const char *name, bool is_file)
{
	struct source *s = &site->sources[site->count];

	site->count++;
	s->site = site;
	s->is_file = is_file;
	s->name = mem_strdup(name);
	s->timer = evtimer_new(site->server->base, on_due, s);
	return s->name != NULL && s->timer != NULL ? 0 : ENOMEM;
}

static int
add_sources(struct site *site, const struct snapshot *conf)
{
	int rc;

	site->sources =
	    mem_try(conf->policy.sites.count + 1, sizeof(*site->sources));
	if (site->sources == NULL)
		return ENOMEM;
	for (size_t i = 0; i < conf->policy.sites.count; i++)
		if ((rc = add_source(site, conf->policy.sites.at[i], false)) !=
		    0)
			return rc;
	return conf->policy.file[0] != '\0'
	    ? add_source(site, conf->policy.file, true)
	    : 0;
}

static void
remember(struct site *site)
{
	struct site_store_entry *e;
	int rc;

	if (site->count == 0 || (e = mem_try(site->count, sizeof(*e))) == NULL)
		return;
	for (size_t i = 0; i < site->count; i++)
		e[i].name = site->sources[i].name;
	rc = site_store_load(e, site->count, site->store);
	if (rc != 0 && rc != ENOENT)
		log_warn("site: last words lost path=%s reason=%s", site->store,
		    code_text(rc));
	for (size_t i = 0; i < site->count; i++) {
		if (site->sources[i].heard_s != 0)
			continue;
		site->sources[i].word = e[i].word;
		site->sources[i].heard_s = e[i].heard_s;
	}
	mem_free(e);
}

static void
begin(struct site *site)
{
	const struct timeval wait = { WAIT_S, 0 };

	remember(site);
	site->is_patient = unheard(site) != NULL;
	if (site->is_patient)
		event_add(site->patience, &wait);
	decide(site);
	site_ask(site);
}

/* What was heard before a reload is known, even where it could not be kept. */
static void
take_over(struct site *site, const struct source *old, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < site->count; k++) {
			struct source *s = &site->sources[k];

			if (s->name == NULL ||
			    strcmp(s->name, old[i].name) != 0)
				continue;
			s->word = old[i].word;
			s->heard_s = old[i].heard_s;
		}
}

void
site_configure(struct site *site)
{
	struct source *old = site->sources;
	const size_t count = site->count;

	/* first, so that nobody answers to what is freed */
	site_dns_close(site->dns);
	site->dns = NULL;
	site->asking = 0;
	site->sources = NULL;
	site->count = 0;
	if (add_sources(site, site->server->conf) != 0) {
		log_error("site: out of memory, the old networks are obeyed");
		free_sources(site->sources, site->count);
		site->sources = old;
		site->count = count;
		old = NULL;
		for (size_t i = 0; i < count; i++)
			site->sources[i].is_asking = false;
	}
	if (old != NULL) {
		take_over(site, old, count);
		free_sources(old, count);
	}
	begin(site);
}

int
site_open(struct server *s)
{
	struct site *site;

	if ((site = mem_try(1, sizeof(*site))) == NULL)
		return ENOMEM;
	s->site = site;
	site->server = s;
	snprintf(site->store, sizeof(site->store), "%s/site.json",
	    s->conf->node.state);
	site->patience = evtimer_new(s->base, on_patience, site);
	if (site->patience == NULL || add_sources(site, s->conf) != 0)
		return ENOMEM;
	begin(site);
	return 0;
}

void
site_free(struct site *site)
{
	if (site == NULL)
		return;
	site_dns_close(site->dns);
	free_sources(site->sources, site->count);
	if (site->patience != NULL)
		event_free(site->patience);
	mem_free(site);
}

/* ---- what is seen */

uint64_t
site_month(const struct site *site)
{
	return site != NULL ? site->sum.month : 0;
}

static json_t *
source_json(const struct source *s)
{
	struct timeval due;
	json_t *j = s->heard_s != 0 ? word_json(&s->word) : json_object();

	json_object_set_new(j, "site", json_string(s->name));
	json_object_set_new(
	    j, "where", json_string(s->is_file ? "file" : "DNS"));
	json_object_set_new(j, "heard", json_integer(s->heard_s));
	json_object_set_new(j, "failures", json_integer(s->failures));
	json_object_set_new(j, "trouble", json_string(s->trouble));
	json_object_set_new(j, "is_asking", json_boolean(s->is_asking));
	if (event_pending(s->timer, EV_TIMEOUT, &due))
		json_object_set_new(j, "next", json_integer(due.tv_sec));
	return j;
}

static json_t *
rate_json(uint64_t rate)
{
	char text[UNITS_TEXT_MAX];

	return rate != 0 ? json_string(units_format_rate(rate, text)) : NULL;
}

json_t *
site_json(const struct site *site)
{
	const struct consent *c = site->server->consent;
	const struct consent_say *say = consent_get(c, CONSENT_SITE);
	const struct consent_effect *now = consent_effect(c);
	json_t *all = json_array();
	char month[UNITS_TEXT_MAX];

	for (size_t i = 0; i < site->count; i++)
		json_array_append_new(all, source_json(&site->sources[i]));
	/* what is NULL is left out */
	return json_pack("{s:o,s:{s:b,s:o*,s:s*,s:s},s:{s:b,s:o*,s:s,s:s}}",
	    "sites", all, "word", "relay", say->relay, "rate",
	    rate_json(say->rate), "month",
	    site->sum.month != 0 ? units_format_size(site->sum.month, month)
				 : NULL,
	    "reason", say->reason, "effect", "relay", now->relay, "rate",
	    rate_json(now->rate), "relay_reason", now->relay_reason,
	    "rate_reason", now->rate_reason);
}

void
site_metrics(const struct site *site, FILE *out)
{
	unsigned silent = 0, faulty = 0;

	for (size_t i = 0; i < site->count; i++) {
		silent += site->sources[i].failures > 0;
		faulty += site->sources[i].word.fault[0] != '\0';
	}
	fprintf(out,
	    "# HELP supernode_policy_silent Networks that did not answer when "
	    "last asked for their word.\n"
	    "# TYPE supernode_policy_silent gauge\n"
	    "supernode_policy_silent %u\n"
	    "# HELP supernode_policy_faulty Networks whose word is read "
	    "strictly because it was not understood.\n"
	    "# TYPE supernode_policy_faulty gauge\n"
	    "supernode_policy_faulty %u\n",
	    silent, faulty);
}
