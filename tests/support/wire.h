/*
 * wire: a test client's connection to a server, over UDP, TCP, TLS or DTLS.
 *
 * Blocking with deadlines, one thread.  A UDP wire is not connected, so that
 * it also meets other hosts (direct attempts).  Certificates are not checked:
 * their fingerprint is told instead.
 */
#ifndef TESTS_SUPPORT_WIRE_H
#define TESTS_SUPPORT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/code.h"
#include "common/mono.h"

enum wire_kind { WIRE_UDP, WIRE_TCP, WIRE_TLS, WIRE_DTLS };

struct wire;

/* Names: udp tcp tls dtls.  Returns 0 or EINVAL. */
MUST_CHECK int wire_kind_parse(enum wire_kind *out, const char *name);

/* Connects and shakes hands.  Returns 0, ETIMEDOUT, EPROTO (the handshake
 * failed) or another errno. */
MUST_CHECK int wire_open(struct wire **out, enum wire_kind kind,
    const struct addr *server, mono_ms deadline);
void wire_close(struct wire *w);

int wire_fd(const struct wire *w);
bool wire_is_stream(const struct wire *w);
const struct addr *wire_server(const struct wire *w);
/* Our own address as the kernel sees it. */
void wire_local(const struct wire *w, struct addr *out);
/* First 8 bytes of the certificate's SHA-256 in hex, "" without one. */
const char *wire_certificate(const struct wire *w);

/* Sends all of data to the server.  Returns 0 or an errno. */
MUST_CHECK int wire_send(struct wire *w, const void *data, size_t len);
/* UDP only: one datagram to another host. */
MUST_CHECK int wire_send_to(
    struct wire *w, const struct addr *to, const void *data, size_t len);

/*
 * Takes the next message: a datagram, or on a stream one STUN or ChannelData
 * frame (raw: whatever bytes came).  Waits until deadline.  Returns its
 * length, 0 when time is up, -1 when the other side closed or broke framing.
 */
MUST_CHECK long wire_recv(struct wire *w, void *out, size_t size,
    struct addr *from, mono_ms deadline);
MUST_CHECK long
wire_recv_raw(struct wire *w, void *out, size_t size, mono_ms deadline);

#endif
