#include "turn/want.h"

int
turn_want_lifetime(uint32_t *out, const struct stun_msg *m, bool refresh)
{
	const struct stun_attr *a = stun_msg_find(m, STUN_ATTR_LIFETIME);
	uint32_t s = TURN_LIFETIME_S;

	if (a != NULL && stun_attr_u32(&s, a) != 0)
		return 400;
	if (s == 0 && refresh) {
		*out = 0;
		return 0;
	}
	if (s > TURN_LIFETIME_MAX_S)
		s = TURN_LIFETIME_MAX_S;
	*out = s > TURN_LIFETIME_S ? s : TURN_LIFETIME_S;
	return 0;
}

static int
read_transport(const struct stun_msg *m)
{
	const struct stun_attr *a =
	    stun_msg_find(m, STUN_ATTR_REQUESTED_TRANSPORT);
	uint8_t transport;

	if (a == NULL || stun_attr_transport(&transport, a) != 0)
		return 400;
	return transport == STUN_TRANSPORT_UDP ? 0 : 442;
}

/* RESERVATION-TOKEN goes with none of the attributes that choose a port. */
static int
read_token(struct turn_want *out, const struct stun_msg *m)
{
	const struct stun_attr *a =
	    stun_msg_find(m, STUN_ATTR_RESERVATION_TOKEN);

	if (a == NULL)
		return 0;
	if (a->len != STUN_TOKEN_LEN ||
	    stun_msg_find(m, STUN_ATTR_EVEN_PORT) != NULL ||
	    stun_msg_find(m, STUN_ATTR_REQUESTED_ADDRESS_FAMILY) != NULL ||
	    stun_msg_find(m, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY) != NULL)
		return 400;
	out->token = a->value;
	return 0;
}

static int
read_requested(struct turn_want *out, const struct stun_attr *a)
{
	uint8_t family;

	if (stun_attr_family(&family, a) != 0)
		return 400;
	if (family != STUN_FAMILY_IPV4 && family != STUN_FAMILY_IPV6)
		return 440;
	out->v4 = family == STUN_FAMILY_IPV4;
	out->v6 = family == STUN_FAMILY_IPV6;
	return 0;
}

/* IPv6 is the only value ADDITIONAL-ADDRESS-FAMILY may have. */
static int
read_additional(struct turn_want *out, const struct stun_attr *a)
{
	uint8_t family;

	if (stun_attr_family(&family, a) != 0 || family != STUN_FAMILY_IPV6)
		return 400;
	out->v6 = true;
	return 0;
}

static int
read_families(struct turn_want *out, const struct stun_msg *m)
{
	const struct stun_attr *requested =
	    stun_msg_find(m, STUN_ATTR_REQUESTED_ADDRESS_FAMILY);
	const struct stun_attr *additional =
	    stun_msg_find(m, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY);

	out->v4 = true;
	if (requested != NULL && additional != NULL)
		return 400;
	if (requested != NULL)
		return read_requested(out, requested);
	if (additional != NULL)
		return read_additional(out, additional);
	return 0;
}

static int
read_even_port(struct turn_want *out, const struct stun_msg *m)
{
	const struct stun_attr *a = stun_msg_find(m, STUN_ATTR_EVEN_PORT);
	bool pair;

	if (a == NULL)
		return 0;
	if (stun_attr_even_port(&pair, a) != 0)
		return 400;
	/* a pair of each family is more than one token can name */
	if (pair && out->v4 && out->v6)
		return 400;
	out->ports = pair ? TURN_PORTS_PAIR : TURN_PORTS_EVEN;
	return 0;
}

int
turn_want_read(struct turn_want *out, const struct stun_msg *m)
{
	struct turn_want want = { .ports = TURN_PORTS_ANY };
	int rc;

	if ((rc = read_transport(m)) != 0 || (rc = read_token(&want, m)) != 0 ||
	    (rc = read_families(&want, m)) != 0 ||
	    (rc = read_even_port(&want, m)) != 0 ||
	    (rc = turn_want_lifetime(&want.lifetime_s, m, false)) != 0)
		return rc;
	*out = want;
	return 0;
}
