/* ledger: what is taken from a file adds up, and is written as it was. */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "budget/ledger_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A ledger that loads, saves and loads again as the same. */
static void
check_json(const json_t *o)
{
	struct budget_ledger *l = NULL, *again = NULL;
	json_t *first, *second, *month;

	if (budget_ledger_load(&l, o) != 0)
		return;
	first = budget_ledger_save(l);
	if (budget_ledger_load(&again, first) != 0)
		abort();
	second = budget_ledger_save(again);
	if (!json_equal(first, second))
		abort();
	if ((month = budget_ledger_month(l, false)) == NULL)
		abort();
	json_decref(month);
	json_decref(first);
	json_decref(second);
	budget_ledger_free(l);
	budget_ledger_free(again);
}

static void
check_charges(const uint8_t *data, size_t size)
{
	uint8_t record[BUDGET_CHARGE_LEN];
	struct budget_charges c, again;

	budget_charges_read(&c, data, size);
	if (c.bad > BUDGET_CHARGE_SLOTS)
		abort();
	if (c.last.seq == 0)
		return;
	budget_charge_write(record, &c.last);
	budget_charges_read(&again, record, sizeof(record));
	if (again.last.seq != c.last.seq ||
	    again.last.at[BUDGET_MONTH].charged !=
		c.last.at[BUDGET_MONTH].charged)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_error_t error;
	json_t *o;

	check_charges(data, size);
	if ((o = budget_ledger_unseal((const char *)data, size)) != NULL) {
		check_json(json_object_get(o, "ledger"));
		json_decref(o);
	}
	/* and as if the checksum had been right */
	if ((o = json_loadb((const char *)data, size, 0, &error)) != NULL) {
		check_json(o);
		json_decref(o);
	}
	return 0;
}
