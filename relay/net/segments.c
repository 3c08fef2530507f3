#include "net/segments.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

enum { TIMESTAMPS = 12 /* RFC 7323, with padding */ };

bool
net_segments_read(struct net_segments *s, int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
	    len < offsetof(struct tcp_info, tcpi_bytes_retrans) +
		    sizeof(info.tcpi_bytes_retrans))
		return false;
	s->in = info.tcpi_segs_in;
	s->out = info.tcpi_segs_out;
	s->repeated = (uint32_t)info.tcpi_bytes_retrans;
	s->options =
	    (info.tcpi_options & TCPI_OPT_TIMESTAMPS) != 0 ? TIMESTAMPS : 0;
	return true;
}
