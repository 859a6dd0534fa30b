// A relay as lean as one can be that keeps the promise of a commit: takes one message from a stream, and in one script
// acknowledges it, stores a document, appends the next message and publishes it. What the agents are measured against.
//
// quintet-c-relay PORT INPUT OUTPUT CHANNEL DOCUMENT
// PORT is that of a Redis on 127.0.0.1; INPUT and OUTPUT are the keys of streams, DOCUMENT that of a hash.

#include <hiredis/hiredis.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char script[] =
    "redis.call('HSET', KEYS[2], 'd', ARGV[3])\n"
    "redis.call('HINCRBY', KEYS[2], 'v', 1)\n"
    "redis.call('XADD', KEYS[3], '*', 'd', ARGV[3])\n"
    "redis.call('PUBLISH', ARGV[4], ARGV[3])\n"
    "redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])\n"
    "return 1";

static _Noreturn void fail(const char *what, const char *reason) {
    fprintf(stderr, "quintet-c-relay: %s: %s\n", what, reason);
    exit(1);
}

// The answer, which is the caller's to free. Ends the process when there is none, or an error.
static redisReply *expect(redisContext *redis, void *answer, const char *what) {
    redisReply *reply = answer;
    if (reply == NULL) fail(what, redis->errstr);
    if (reply->type == REDIS_REPLY_ERROR) fail(what, reply->str);
    return reply;
}

// The element, if the reply is an array that has it.
static redisReply *element(const redisReply *reply, size_t index) {
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || index >= reply->elements) return NULL;
    return reply->element[index];
}

static void create_group(redisContext *redis, const char *input) {
    redisReply *reply = redisCommand(redis, "XGROUP CREATE %s relay 0 MKSTREAM", input);
    if (reply == NULL) fail("XGROUP", redis->errstr);
    if (reply->type == REDIS_REPLY_ERROR && strncasecmp(reply->str, "BUSYGROUP", 9) != 0) fail("XGROUP", reply->str);
    freeReplyObject(reply);
}

int main(int count, char **arguments) {
    if (count != 6) fail("usage", "quintet-c-relay PORT INPUT OUTPUT CHANNEL DOCUMENT");
    const char *input = arguments[2], *output = arguments[3], *channel = arguments[4], *document = arguments[5];
    redisContext *redis = redisConnect("127.0.0.1", atoi(arguments[1]));
    if (redis == NULL) fail("connect", "no memory");
    if (redis->err != 0) fail("connect", redis->errstr);
    create_group(redis, input);
    redisReply *digest = expect(redis, redisCommand(redis, "SCRIPT LOAD %s", script), "SCRIPT LOAD");
    while (1) {
        void *answer = redisCommand(redis, "XREADGROUP GROUP relay relay-1 COUNT 1 BLOCK 0 STREAMS %s >", input);
        redisReply *read = expect(redis, answer, "XREADGROUP");
        redisReply *entry = element(element(element(read, 0), 1), 0);
        redisReply *id = element(entry, 0), *body = element(element(entry, 1), 1);
        if (id == NULL || body == NULL) fail("XREADGROUP", "the answer has no entry");
        answer = redisCommand(
            redis, "EVALSHA %s 3 %s %s %s relay %b %b %s", digest->str, input, document, output, id->str, id->len,
            body->str, body->len, channel);
        freeReplyObject(expect(redis, answer, "EVALSHA"));
        freeReplyObject(read);
    }
}
