/*
 * Proxies: which one the environment names, for whom, and what people call it.
 */
#ifndef BEARER_HTTP_PROXY_H
#define BEARER_HTTP_PROXY_H

#include "base/buffer.h"

#pragma GCC visibility push(hidden)

/* What the environment says for this URL; "" = nothing. Asked for on the caller's thread:
   libcurl would do so in the worker, while the host may be changing it. */
const char *bearer_proxy_of_environment(const char *url);
/* Hosts that no proxy is asked for, also where it is an option that names it. */
const char *bearer_proxy_exceptions(void);

/* Is this URL's host among the exceptions? libcurl decides; this is for people, and knows
   names, their ends and addresses, no networks. */
int bearer_proxy_is_exception(const char *exceptions, const char *url);
/* Append host:port of a proxy, without its user and password. */
void bearer_proxy_name(bearer_buffer *out, const char *proxy);
/* Is it one that libcurl could ask? It tells all of the text when it is not, with the
   password. */
int bearer_proxy_is_usable(const char *proxy);
/* Does it come with a user? */
int bearer_proxy_has_user(const char *proxy);

#pragma GCC visibility pop

#endif
