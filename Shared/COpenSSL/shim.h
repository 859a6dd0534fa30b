#ifndef QUINTET_COPENSSL_SHIM_H
#define QUINTET_COPENSSL_SHIM_H

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// Swift imports no macro that casts or calls.

static inline int copenssl_ssl_context_set_minimum_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline void copenssl_ssl_context_set_modes(SSL_CTX *context) {
    // One read(2) takes in all there is; buffers that are empty are given back.
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_mode(
        context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static inline int copenssl_ssl_set_server_name(SSL *session, const char *name) {
    return (int)SSL_set_tlsext_host_name(session, name);
}

static inline int copenssl_error_reason(unsigned long error) { return ERR_GET_REASON(error); }

// An encrypted key is refused: nobody is there to type its password.
static inline int copenssl_no_password(char *buffer, int size, int is_for_writing, void *data) {
    (void)buffer, (void)size, (void)is_for_writing, (void)data;
    return -1;
}

static inline void copenssl_ssl_context_ask_no_password(SSL_CTX *context) {
    SSL_CTX_set_default_passwd_cb(context, copenssl_no_password);
}

#endif
