/*
 * tls: certificate, key and the contexts made of them.
 *
 * FROZEN: after net_tls_load; counted, any thread.
 */
#ifndef RELAY_NET_TLS_H
#define RELAY_NET_TLS_H

#include <openssl/ssl.h>

#include "net/net.h"

SSL_CTX *net_tls_stream(const struct net_tls *t);
SSL_CTX *net_tls_datagram(const struct net_tls *t);

#endif
