"""A small MQTT broker for the demo where mosquitto is not installed: amqtt, on loopback, until it is told to stop."""

import asyncio
import signal
import sys


async def serve(port: int) -> None:
    """Serve MQTT 3.1.1 on a loopback port until SIGTERM."""
    from amqtt.broker import Broker

    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await broker.start()
    await stop.wait()
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
