"""A relay as most write it: redis-py, plain pub/sub, nothing kept. What nobody listens to is lost.

python_relay.py PORT INPUT OUTPUT
PORT is that of a Redis on 127.0.0.1; INPUT and OUTPUT are channels.
"""

import sys

import redis


def main() -> None:
    port, source, target = sys.argv[1:]
    client = redis.Redis(host="127.0.0.1", port=int(port))
    subscription = client.pubsub(ignore_subscribe_messages=True)
    subscription.subscribe(source)
    for message in subscription.listen():
        client.publish(target, message["data"])


if __name__ == "__main__":
    try:
        main()
    except redis.RedisError as error:
        sys.exit(f"python_relay.py: {error}")
