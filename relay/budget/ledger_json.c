/* The ledger as JSON: on file, and as a month's report. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "budget/ledger.h"
#include "budget/ledger_own.h"
#include "common/mem.h"

enum {
	FORMAT = 1,
	FIELDS = 4, /* of a count */
};

/* What fits, with room to add to it for centuries. */
static const json_int_t COUNT_MAX = (json_int_t)1 << 61;

/* ---- a month's report */

static uint64_t
bytes_of(const struct budget_count *c)
{
	return c->in + c->out;
}

static json_t *
row_of(const char *name, const struct budget_count *c)
{
	json_t *row =
	    json_pack("{s:I,s:I,s:I,s:I,s:I}", "in", (json_int_t)c->in, "out",
		(json_int_t)c->out, "bytes", (json_int_t)bytes_of(c), "counted",
		(json_int_t)c->counted, "carried", (json_int_t)c->carried);
	json_t *text;

	if (row == NULL || name == NULL)
		return row;
	if ((text = json_string(name)) == NULL)
		text = json_string("?"); /* a name that is no UTF-8 */
	json_object_set_new(row, "name", text);
	return row;
}

struct rows {
	const struct budget_entry **at;
	size_t count;
	bool is_before;
};

static const struct budget_count *
month_of(const struct budget_entry *a, bool is_before)
{
	return is_before ? &a->before[BUDGET_MONTH] : &a->now[BUDGET_MONTH];
}

static int
by_bytes(const void *a, const void *b, void *is_before)
{
	const struct budget_entry *x = *(struct budget_entry *const *)a;
	const struct budget_entry *y = *(struct budget_entry *const *)b;
	const uint64_t m = bytes_of(month_of(x, *(bool *)is_before));
	const uint64_t n = bytes_of(month_of(y, *(bool *)is_before));

	if (m != n)
		return m < n ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* The accounts of a list that moved something, most first; sum gets all. */
static json_t *
rows_of(const struct list *head, bool is_before, struct budget_count *sum)
{
	const struct budget_entry **all = NULL;
	json_t *rows = json_array();
	const struct list *n;
	size_t count = 0, i = 0;

	LIST_EACH (n, head)
		count++;
	if ((all = mem_try(count + 1, sizeof(*all))) == NULL) {
		json_decref(rows);
		return NULL;
	}
	LIST_EACH (n, head)
		all[i++] = LIST_ITEM(n, const struct budget_entry, node);
	qsort_r(all, count, sizeof(*all), by_bytes, &is_before);
	for (i = 0; i < count; i++) {
		const struct budget_count *c = month_of(all[i], is_before);

		if (bytes_of(c) + c->carried == 0)
			continue;
		sum->in += c->in;
		sum->out += c->out;
		sum->counted += c->counted;
		json_array_append_new(rows, row_of(all[i]->name, c));
	}
	mem_free(all);
	return rows;
}

static uint64_t
less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

json_t *
budget_ledger_month(const struct budget_ledger *l, bool is_before)
{
	const struct budget_count *host = month_of(l->host, is_before);
	const struct budget_count *others = month_of(l->others, is_before);
	struct budget_count users = *others, networks = { 0 };
	char name[BUDGET_PERIOD_NAME_MAX];
	json_t *rows = rows_of(&l->users, is_before, &users);
	const struct budget_count rest = {
		.in = less(host->in, users.in),
		.out = less(host->out, users.out),
		.counted = less(host->counted, users.counted),
	};

	budget_period_name(BUDGET_MONTH,
	    is_before ? l->before[BUDGET_MONTH] : l->id[BUDGET_MONTH], name);
	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o}", "month", name, "total",
	    row_of(NULL, host), "networks",
	    rows_of(&l->networks, is_before, &networks), "users", rows,
	    "others", row_of(NULL, others), "unattributed",
	    row_of(NULL, &rest));
}

/* ---- on file */

static json_t *
count_json(const struct budget_count *c)
{
	return json_pack("[I,I,I,I]", (json_int_t)c->in, (json_int_t)c->out,
	    (json_int_t)c->counted, (json_int_t)c->carried);
}

static bool
is_empty(const struct budget_count *c)
{
	return bytes_of(c) + c->carried == 0;
}

/* Periods that are empty are left out. */
static json_t *
account_json(const struct budget_entry *a)
{
	static const char *const now[] = { "day", "month" };
	static const char *const before[] = { "day_before", "month_before" };
	json_t *o = json_object();

	if (a->len > 0)
		json_object_set_new(o, "name", json_stringn(a->name, a->len));
	for (int k = 0; k < BUDGET_PERIODS; k++) {
		if (!is_empty(&a->now[k]))
			json_object_set_new(o, now[k], count_json(&a->now[k]));
		if (!is_empty(&a->before[k]))
			json_object_set_new(
			    o, before[k], count_json(&a->before[k]));
	}
	if (a->reserve != 0)
		json_object_set_new(
		    o, "reserve", json_integer((json_int_t)a->reserve));
	return o;
}

static json_t *
accounts_json(const struct list *head)
{
	json_t *all = json_array();
	const struct list *n;

	LIST_EACH (n, head)
		json_array_append_new(all,
		    account_json(
			LIST_ITEM(n, const struct budget_entry, node)));
	return all;
}

json_t *
budget_ledger_save(const struct budget_ledger *l)
{
	json_t *hours = json_array();

	for (int i = 0; i < BUDGET_LEDGER_HOURS; i++)
		json_array_append_new(
		    hours, json_integer((json_int_t)l->hours[i]));
	return json_pack(
	    "{s:i,s:i,s:i,s:i,s:i,s:b,s:I,s:I,s:o,s:o,s:o,s:o,s:o}", "format",
	    FORMAT, "day", l->id[BUDGET_DAY], "month", l->id[BUDGET_MONTH],
	    "day_before", l->before[BUDGET_DAY], "month_before",
	    l->before[BUDGET_MONTH], "to_keep", l->is_to_keep, "hour",
	    (json_int_t)l->hour, "since_hour", (json_int_t)l->since_hour,
	    "hours", hours, "host", account_json(l->host), "others",
	    account_json(l->others), "networks", accounts_json(&l->networks),
	    "users", accounts_json(&l->users));
}

/* ---- and back */

static bool
read_amount(uint64_t *out, const json_t *n)
{
	const json_int_t value = json_integer_value(n);

	if (!json_is_integer(n) || value < 0 || value > COUNT_MAX)
		return false;
	*out = (uint64_t)value;
	return true;
}

static bool
read_count(struct budget_count *c, const json_t *o, const char *key)
{
	const json_t *a = json_object_get(o, key);

	if (a == NULL)
		return true;
	return json_array_size(a) == FIELDS &&
	    read_amount(&c->in, json_array_get(a, 0)) &&
	    read_amount(&c->out, json_array_get(a, 1)) &&
	    read_amount(&c->counted, json_array_get(a, 2)) &&
	    read_amount(&c->carried, json_array_get(a, 3));
}

static bool
read_account(struct budget_entry *a, const json_t *o)
{
	const json_t *reserve = json_object_get(o, "reserve");

	return json_is_object(o) && read_count(&a->now[BUDGET_DAY], o, "day") &&
	    read_count(&a->now[BUDGET_MONTH], o, "month") &&
	    read_count(&a->before[BUDGET_DAY], o, "day_before") &&
	    read_count(&a->before[BUDGET_MONTH], o, "month_before") &&
	    (reserve == NULL || read_amount(&a->reserve, reserve));
}

/* An account that is there already, or cannot be made, is a fault. */
static bool
read_users(struct budget_ledger *l, const json_t *all)
{
	const json_t *o;
	size_t i;

	if (!json_is_array(all) ||
	    json_array_size(all) > BUDGET_LEDGER_USERS_MAX)
		return false;
	json_array_foreach(all, i, o)
	{
		const json_t *name = json_object_get(o, "name");
		struct budget_entry *a;

		if (!json_is_string(name))
			return false;
		a = budget_ledger_user(
		    l, json_string_value(name), json_string_length(name));
		if (a == l->others || budget_ledger_users(l) != i + 1 ||
		    !read_account(a, o))
			return false;
	}
	return true;
}

static bool
read_networks(struct budget_ledger *l, const json_t *all)
{
	const json_t *o;
	size_t i;

	if (!json_is_array(all) ||
	    json_array_size(all) > BUDGET_LEDGER_NETWORKS_MAX)
		return false;
	json_array_foreach(all, i, o)
	{
		const char *name =
		    json_string_value(json_object_get(o, "name"));
		struct budget_entry *a;

		if (name == NULL)
			return false;
		a = budget_ledger_network(l, name);
		if (a == l->others || l->network_count != i + 1 ||
		    !read_account(a, o))
			return false;
	}
	return true;
}

static bool
read_id(int32_t *out, const json_t *o, const char *key)
{
	const json_t *n = json_object_get(o, key);
	const json_int_t value = json_integer_value(n);

	*out = (int32_t)value;
	/* day 2932896 is in the year 9999 */
	return json_is_integer(n) && value >= -1 && value <= 2932896;
}

static bool
read_hours(struct budget_ledger *l, const json_t *o)
{
	const json_t *all = json_object_get(o, "hours");
	uint64_t hour, since;

	if (json_array_size(all) != BUDGET_LEDGER_HOURS ||
	    !read_amount(&hour, json_object_get(o, "hour")) ||
	    !read_amount(&since, json_object_get(o, "since_hour")))
		return false;
	l->hour = (int64_t)hour;
	l->since_hour = (int64_t)since;
	for (size_t i = 0; i < BUDGET_LEDGER_HOURS; i++)
		if (!read_amount(&l->hours[i], json_array_get(all, i)))
			return false;
	return true;
}

int
budget_ledger_load(struct budget_ledger **out, const json_t *o)
{
	struct budget_ledger *l;

	if (json_integer_value(json_object_get(o, "format")) != FORMAT)
		return EINVAL;
	if ((l = budget_ledger_empty()) == NULL)
		return ENOMEM;
	if (!read_id(&l->id[BUDGET_DAY], o, "day") ||
	    !read_id(&l->id[BUDGET_MONTH], o, "month") ||
	    !read_id(&l->before[BUDGET_DAY], o, "day_before") ||
	    !read_id(&l->before[BUDGET_MONTH], o, "month_before") ||
	    !read_hours(l, o) ||
	    !read_account(l->host, json_object_get(o, "host")) ||
	    !read_account(l->others, json_object_get(o, "others")) ||
	    !read_networks(l, json_object_get(o, "networks")) ||
	    !read_users(l, json_object_get(o, "users")))
		goto fail;
	l->is_to_keep = json_is_true(json_object_get(o, "to_keep"));
	*out = l;
	return 0;

fail:
	budget_ledger_free(l);
	return EINVAL;
}
